// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"encoding/hex"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// The example of docs/block-format.md, byte by byte.
func TestBlockIsTheExampleOfThePage(t *testing.T) {
	block := &BlockBuilder{}
	block.Mmap(0x10001, 0x20000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, 0, 0, 0)
	block.FaultStore(0x10001, 0x20000000, 42)
	wanted := "0207000000000000" + "0100010000000000" + "0000002000000000" + "0010000000000000" +
		"0300000032000000" + "0000000000000000" + "0000000000000000" +
		"0104050000000000" + "0100010000000000" + "0000002000000000" + "2a00000000000000"
	if got := hex.EncodeToString(block.Bytes()); got != wanted {
		t.Errorf("got  %s\nwant %s", got, wanted)
	}
	if block.Len() != 2 {
		t.Errorf("%d results", block.Len())
	}
}

func TestPkruIsTheLastWordOfRecordsThatTakeIt(t *testing.T) {
	rights := uint32(PKRU_START)
	block := &BlockBuilder{Pkru: &rights}
	block.Munmap(1, 0, 4096)
	plain := len(block.Bytes())
	block.Fault(1, 0, FAULT_READ)
	record := block.Bytes()[plain:]
	if plain != 32 || len(record) != 32 || record[1] != 4 || record[3] != 0x80 {
		t.Errorf("munmap %d bytes, fault %x", plain, record)
	}
	if got := hex.EncodeToString(record[24:]); got != "5455555500000000" {
		t.Errorf("PKRU is %s", got)
	}
}

func TestFaultsAreSplitIntoRecords(t *testing.T) {
	block := &BlockBuilder{}
	block.Faults(1, make([]uint64, FAULTS_MAX+1), FAULT_READ)
	if block.Len() != FAULTS_MAX+1 || len(block.Bytes()) != 8*(2*headerWords+FAULTS_MAX+1) {
		t.Errorf("%d results, %d bytes", block.Len(), len(block.Bytes()))
	}
}

func TestWhatCannotBeIsNotAdded(t *testing.T) {
	block := &BlockBuilder{}
	block.SetVmaName(1, 0, 4096, strings.Repeat("x", NAME_BYTES_MAX+1))
	if !errors.Is(block.Err(), ErrBadBlock) || len(block.Bytes()) != 0 {
		t.Errorf("%v, %d bytes", block.Err(), len(block.Bytes()))
	}
	block.Reset()
	block.SetVmaName(1, 0, 4096, "heap")
	if block.Err() != nil || len(block.Bytes()) != 40 {
		t.Errorf("%v, %d bytes", block.Err(), len(block.Bytes()))
	}
}

func TestResultsAreReadWithACursor(t *testing.T) {
	raw, _ := hex.DecodeString(
		"00000000000100002a00000000000000" + // a load under the VMA lock
			"eaffffff000000000000000000000000" + // EINVAL
			"0b000000040010000000000000000000") // SIGSEGV, SEGV_PKUERR, key 1
	results, err := ParseResults(raw)
	if err != nil || results.Len() != 3 {
		t.Fatal(results, err)
	}
	results.Next()
	if one := results.Result(); !one.Ok() || one.Value != 42 || FaultInfo(one.Info) != FAULT_INFO_VMA_LOCK {
		t.Errorf("the first is %+v", one)
	}
	results.Next()
	if one := results.Result(); one.Errno() != syscall.EINVAL || one.Signal() != 0 {
		t.Errorf("the second is %+v", one)
	}
	results.Next()
	one := results.Result()
	pkey, there := one.Pkey()
	if one.Signal() != syscall.SIGSEGV || one.Code() != SEGV_PKUERR || pkey != 1 || !there {
		t.Errorf("the third is %+v, key %d", one, pkey)
	}
	if results.Next() {
		t.Error("there is a fourth")
	}
	if _, err := ParseResults(raw[1:]); !errors.Is(err, ErrBadBlock) {
		t.Errorf("47 bytes are %v", err)
	}
}

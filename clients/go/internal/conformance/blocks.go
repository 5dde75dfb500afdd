// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"reflect"

	"vmalab.dev/go"
	"vmalab.dev/go/internal/names"
)

func (r *running) doBlock(ctx context.Context, s step) (*answer, error) {
	var raw []byte
	switch s["do"] {
	case "block":
		builder, err := r.builder(s)
		if err != nil {
			return nil, err
		}
		raw = builder.Bytes()
	case "raw_block":
		raw, _ = hex.DecodeString(s.text("hex", ""))
	default:
		return nil, nil
	}
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.text("via", "apply") == "apply" {
		results, err := client.ApplyBytes(ctx, raw)
		return &answer{results: collected(results)}, err
	}
	batch, err := client.Batch(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer batch.Close()
	if s["via"] == "failed" {
		if err := batch.SendBytes(raw, true); err != nil {
			return nil, err
		}
		failed, err := batch.ReceiveFailed()
		return &answer{results: collected(failed.Results), executed: failed.Executed, places: failed.Places}, err
	}
	return r.streamed(batch, raw, r.number(s.text("times", "1")))
}

func collected(results *vmalab.Results) []vmalab.Result {
	var found []vmalab.Result
	for results != nil && results.Next() {
		found = append(found, results.Result())
	}
	return found
}

// streamed sends a block several times, with the window kept full.
func (r *running) streamed(batch *vmalab.Batch, raw []byte, times uint64) (*answer, error) {
	var results *vmalab.Results
	for sent := uint64(0); sent < times || batch.Outstanding() > 0; {
		if sent < times && !batch.Full() {
			if err := batch.SendBytes(raw, false); err != nil {
				return nil, err
			}
			sent++
			continue
		}
		var err error
		if results, err = batch.Receive(); err != nil {
			return nil, err
		}
	}
	return &answer{results: collected(results)}, nil
}

func (r *running) builder(s step) (*vmalab.BlockBuilder, error) {
	builder := &vmalab.BlockBuilder{}
	if given, there := s["pkru"]; there {
		rights := uint32(r.number(given))
		builder.Pkru = &rights
	}
	for i := range r.number(s.text("repeat", "1")) {
		for _, one := range s["records"].([]any) {
			record := step(one.(map[string]any))
			key := record.text("op", "")
			if _, stores := record["word"]; stores && key == "FAULT" {
				key = "FAULT_STORE"
			}
			name, arguments := names.Record(key)
			if name == "" {
				return nil, mismatched("there is no record %s", key)
			}
			method := reflect.ValueOf(builder).MethodByName(name)
			var values []reflect.Value
			for j, argument := range arguments {
				given := record[argument]
				if _, repeats := s["repeat"]; repeats && argument == "addr" {
					given = r.number(given) + i*r.number(s["stride"])
				}
				values = append(values, r.argument(given, method.Type().In(j)))
			}
			method.Call(values)
		}
	}
	return builder, builder.Err()
}

// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"errors"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vmalab.dev/go/vmalabpb"
)

func TestTargets(t *testing.T) {
	for _, good := range []string{"127.0.0.1:7420", "[::1]:7420", "example.org:1", "unix:/run/a.sock"} {
		if err := checkTarget(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1", ":7420", "unix:", "a b:1", "a\n:1",
		"http://a:1", "::1:7420", "[localhost]:1", "[127.0.0.1]:1", "[::1:1", "a,b:1",
	} {
		if err := checkTarget(bad); !errors.Is(err, ErrBadTarget) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestATokenStaysOnThisMachineOrGoesOverTLS(t *testing.T) {
	plain := chosen([]Option{WithToken("secret")})
	for target, good := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "unix:/a": true, "192.0.2.1:1": false,
	} {
		if _, err := plain.credentials([]string{target}); (err == nil) != good {
			t.Errorf("%s: %v", target, err)
		}
	}
	for _, odd := range []string{"two\nlines", "secr\u00e9t"} {
		if _, err := chosen([]Option{WithToken(odd)}).credentials(nil); !errors.Is(err, ErrBadToken) {
			t.Errorf("%q: %v", odd, err)
		}
	}
	if _, err := chosen([]Option{WithRootCertificates([]byte("none"))}).credentials(nil); !errors.Is(err, ErrBadCertificate) {
		t.Error(err)
	}
	if _, err := chosen([]Option{WithClientCertificate(nil, nil)}).credentials(nil); !errors.Is(err, ErrBadCertificate) {
		t.Error(err)
	}
}

func TestErrorInfoIsDecoded(t *testing.T) {
	made, err := status.New(codes.NotFound, "gone").WithDetails(&errdetails.ErrorInfo{
		Reason: ReasonNoSuchMm, Domain: "vmalab", Metadata: map[string]string{"mm": "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := serviceError(made.Err())
	var service *ServiceError
	if !errors.As(found, &service) || service.Reason != "NO_SUCH_MM" || service.Metadata["mm"] != "7" {
		t.Fatalf("%#v", found)
	}
	if !errors.Is(found, ErrNoSuchAddressSpace) || errors.Is(found, ErrLimit) {
		t.Error(found)
	}
	if status.Code(found) != codes.NotFound {
		t.Error(status.Code(found))
	}
	other := serviceError(status.Error(codes.NotFound, "no such service"))
	if errors.Is(other, ErrNoSuchAddressSpace) {
		t.Error("a NOT_FOUND of another reason is no missing address space")
	}
	late := serviceError(status.Error(codes.DeadlineExceeded, ""))
	if !errors.Is(late, context.DeadlineExceeded) || serviceError(nil) != nil || serviceError(late) != late {
		t.Error(late)
	}
	if !errors.Is(failed("mmap", int32(syscall.ENOMEM)), syscall.ENOMEM) || failed("mmap", 0) != nil {
		t.Error("errnos")
	}
}

func TestTheHandshakeComplainsOfWhatIsTooOld(t *testing.T) {
	for _, one := range []struct{ server, oldest, mine, said string }{
		{"1.2.0", "0.9", "0.9.0", ""},
		{"1.2.0", "0.9", "0.10", ""},
		{"1.2.0", "0.9", "0.8.9", "this client is 0.8.9"},
		{"0.0.9", "", "1.0", "run a newer one"},
		{"0", "", "0.1.0", ""},
		{"", "", "0.1.0", ""},
	} {
		info := &vmalabpb.GetServerInfoResponse{Version: one.server, OldestClient: one.oldest}
		got := complaint(info, one.mine)
		if (got == "") != (one.said == "") || !strings.Contains(got, one.said) {
			t.Errorf("%+v: %q", one, got)
		}
	}
}

func TestMillisecondsAreNeverTheDefaultByRounding(t *testing.T) {
	for given, wanted := range map[time.Duration]uint32{
		0: 0, time.Nanosecond: 1, time.Millisecond: 1, time.Second: 1000, math.MaxInt64: 1<<32 - 1,
	} {
		if got, err := milliseconds(given); got != wanted || err != nil {
			t.Errorf("%v: %d, not %d: %v", given, got, wanted, err)
		}
	}
}

func TestATimeBelowZeroIsRefused(t *testing.T) {
	if _, err := milliseconds(-1); !errors.Is(err, ErrBadTime) {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), "127.0.0.1:1", WithTimeout(-time.Second)); !errors.Is(err, ErrBadTime) {
		t.Error(err)
	}
}

func TestABlockThatNoMessageHoldsHasAReason(t *testing.T) {
	for text, reason := range map[string]string{
		"SERVER: Received message larger than max (9600008 vs. 8388608)": ReasonBlockTooBig,
		"Concurrent RPC limit exceeded!":                                 "",
	} {
		var found *ServiceError
		err := blockError(status.Error(codes.ResourceExhausted, text))
		if !errors.As(err, &found) || found.Reason != reason || errors.Is(err, ErrInvalid) != (reason != "") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestConstantsHaveTheirNames(t *testing.T) {
	if value, there := Constant("MAP_FIXED_NOREPLACE"); value != uint64(MAP_FIXED_NOREPLACE) || !there {
		t.Error(value, there)
	}
	if value, there := Constant("STATUS_NO_SUCH_MM"); int64(value) != int64(StatusNoSuchMm) || !there {
		t.Error(int64(value), there)
	}
	if _, there := Constant("NO_SUCH_CONSTANT"); there {
		t.Error("there is NO_SUCH_CONSTANT")
	}
}

func TestNobodyIsThere(t *testing.T) {
	_, err := Dial(context.Background(), "127.0.0.1:1")
	if !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

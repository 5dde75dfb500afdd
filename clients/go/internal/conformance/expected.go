// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vmalab.dev/go"
)

// answer is what a step gave: what a case may ask of it.
type answer struct {
	value    uint64
	text     string
	names    []string
	count    int
	values   []uint64
	fields   map[string]any
	results  []vmalab.Result
	executed uint64
	places   []uint32
}

// mismatch is an answer that is not what the case expects.
type mismatch struct{ text string }

func (m *mismatch) Error() string { return m.text }

func mismatched(format string, arguments ...any) error {
	return &mismatch{fmt.Sprintf(format, arguments...)}
}

var operators = regexp.MustCompile(`\s+[+|]\s+`)

// number is what an expression is: terms with + or | between them.
func number(given any, variables map[string]uint64) uint64 {
	switch one := given.(type) {
	case bool:
		if one {
			return 1
		}
		return 0
	case uint64:
		return one
	}
	text := fmt.Sprint(given)
	signs := operators.FindAllString(text, -1)
	total := uint64(0)
	for i, term := range operators.Split(text, -1) {
		value := numberOfTerm(term, variables)
		if i > 0 && strings.TrimSpace(signs[i-1]) == "|" {
			total |= value
		} else {
			total += value
		}
	}
	return total
}

func numberOfTerm(term string, variables map[string]uint64) uint64 {
	if name, is := strings.CutPrefix(term, "$"); is {
		return variables[name]
	}
	if value, err := strconv.ParseInt(term, 0, 64); err == nil {
		return uint64(value)
	}
	if value, err := strconv.ParseUint(term, 0, 64); err == nil {
		return value
	}
	value, known := vmalab.Constant(term)
	if !known {
		panic(fmt.Sprintf("there is no constant %q", term))
	}
	return value
}

var codeNames = map[codes.Code]string{
	codes.Canceled: "CANCELLED", codes.InvalidArgument: "INVALID_ARGUMENT", codes.NotFound: "NOT_FOUND",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.PermissionDenied: "PERMISSION_DENIED",
	codes.ResourceExhausted: "RESOURCE_EXHAUSTED", codes.FailedPrecondition: "FAILED_PRECONDITION",
	codes.Unavailable: "UNAVAILABLE", codes.Unauthenticated: "UNAUTHENTICATED", codes.Internal: "INTERNAL",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Unknown: "UNKNOWN",
}

var locals = []struct {
	err  error
	name string
}{
	{vmalab.ErrClosed, "closed"},
	{vmalab.ErrBadTarget, "bad_target"},
	{vmalab.ErrBadCertificate, "bad_certificate"},
	{vmalab.ErrBadToken, "bad_token"},
	{vmalab.ErrBadBlock, "bad_record"},
}

// failure is an error of the client in the words of the cases.
func failure(err error) map[string]any {
	var call *vmalab.CallError
	var fault *vmalab.FaultError
	var user *vmalab.UserFaultError
	var service *vmalab.ServiceError
	switch {
	case errors.As(err, &call):
		return map[string]any{"errno": uint64(call.Errno)}
	case errors.As(err, &fault):
		found := map[string]any{"signal": uint64(fault.Signal), "si_code": uint64(fault.Code)}
		if fault.Pkey != nil {
			found["pkey"] = uint64(*fault.Pkey)
		}
		return found
	case errors.As(err, &user):
		return map[string]any{"userfault": uint64(user.Flags)}
	case errors.As(err, &service):
		metadata := map[string]any{}
		for name, value := range service.Metadata {
			metadata[name] = value
		}
		return map[string]any{"code": codeNames[service.Code], "reason": service.Reason, "metadata": metadata}
	}
	for _, local := range locals {
		if errors.Is(err, local.err) {
			return map[string]any{"local": local.name}
		}
	}
	return map[string]any{}
}

var failures = []string{"errno", "signal", "userfault", "code", "local"}

func (s step) failure() string {
	for _, name := range failures {
		if _, there := s[name]; there {
			return name
		}
	}
	return ""
}

// same compares what a case wants with what there is: texts as texts, all else as numbers.
func same(what string, wanted, got any, variables map[string]uint64) error {
	if text, is := got.(string); is {
		if text != fmt.Sprint(wanted) {
			return mismatched("%s is %q, not %q", what, text, wanted)
		}
		return nil
	}
	if found, wants := number(got, variables), number(wanted, variables); found != wants {
		return mismatched("%s is %#x, not %v", what, found, wanted)
	}
	return nil
}

func judgeFailure(s step, err error, variables map[string]uint64) error {
	found, wanted := failure(err), s.failure()
	if _, there := found[wanted]; wanted == "" || !there {
		return mismatched("it failed: %v", err)
	}
	for _, name := range []string{"errno", "signal", "si_code", "pkey", "userfault", "code", "reason", "local"} {
		expected, there := s[name]
		if !there || name == "pkey" && s["signal"] == nil {
			continue
		}
		got, there := found[name]
		if !there {
			return mismatched("there is no %s in %v", name, found)
		}
		if err := same(name, expected, got, variables); err != nil {
			return err
		}
	}
	for name, expected := range s.table("metadata") {
		got := found["metadata"].(map[string]any)[name]
		if got != expected {
			return mismatched("metadata %s is %v, not %v", name, got, expected)
		}
	}
	return nil
}

func (s step) table(name string) map[string]any {
	found, _ := s[name].(map[string]any)
	return found
}

func (s step) texts(name string) []string {
	list, _ := s[name].([]any)
	var found []string
	for _, one := range list {
		found = append(found, fmt.Sprint(one))
	}
	return found
}

func (s step) text(name, otherwise string) string {
	if found, there := s[name]; there {
		return fmt.Sprint(found)
	}
	return otherwise
}

func judge(s step, got *answer, variables map[string]uint64) error {
	if wanted := s.failure(); wanted != "" {
		return mismatched("it did not fail with %s %v", wanted, s[wanted])
	}
	if wanted, there := s["value"]; there {
		if err := same("value", wanted, got.value, variables); err != nil {
			return err
		}
	}
	if wanted, there := s["value_not"]; there && got.value == number(wanted, variables) {
		return mismatched("value is %d", got.value)
	}
	if wanted, there := s["text"]; there && got.text != wanted {
		return mismatched("text is %q, not %q", got.text, wanted)
	}
	has := func(part string) bool {
		return strings.Contains(got.text, part) || slices.Contains(got.names, part)
	}
	for _, part := range s.texts("contains") {
		if !has(part) {
			return mismatched("%q is not in %q %v", part, got.text, got.names)
		}
	}
	for _, part := range s.texts("lacks") {
		if has(part) {
			return mismatched("%q is in %q %v", part, got.text, got.names)
		}
	}
	if wanted, there := s["count"]; there && uint64(got.count) != number(wanted, variables) {
		return mismatched("count is %d, not %v", got.count, wanted)
	}
	if wanted, there := s["count_at_least"]; there && uint64(got.count) < number(wanted, variables) {
		return mismatched("count is %d, not %v or more", got.count, wanted)
	}
	if wanted, there := s["values"].([]any); there {
		var numbers []uint64
		for _, one := range wanted {
			numbers = append(numbers, number(one, variables))
		}
		if !slices.Equal(numbers, got.values) {
			return mismatched("values are %v, not %v", got.values, numbers)
		}
	}
	return judgeFields(s, got.fields, variables)
}

// field is an entry, or one of a table in it: "limits.mms_max".
func field(fields map[string]any, name string) (any, error) {
	var found any = fields
	for _, part := range strings.Split(name, ".") {
		table, _ := found.(map[string]any)
		inner, there := table[part]
		if !there {
			return nil, mismatched("there is no field %s", name)
		}
		found = inner
	}
	return found, nil
}

func judgeFields(s step, fields map[string]any, variables map[string]uint64) error {
	for _, kind := range []string{"fields", "fields_not", "fields_at_least", "bits", "lists"} {
		for name, wanted := range s.table(kind) {
			got, err := field(fields, name)
			if err == nil {
				err = judgeField(kind, name, wanted, got, variables)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func judgeField(kind, name string, wanted, got any, variables map[string]uint64) error {
	switch kind {
	case "fields":
		return same(name, wanted, got, variables)
	case "fields_not":
		if number(got, variables) == number(wanted, variables) {
			return mismatched("%s is %v", name, wanted)
		}
	case "fields_at_least":
		if number(got, variables) < number(wanted, variables) {
			return mismatched("%s is %v, not %v or more", name, got, wanted)
		}
	case "bits":
		bits := number(wanted, variables)
		if number(got, variables)&bits != bits {
			return mismatched("%s is %v, without all of %v", name, got, wanted)
		}
	case "lists":
		for _, one := range wanted.([]any) {
			if !slices.Contains(got.([]any), one) {
				return mismatched("%s has not %v", name, one)
			}
		}
	}
	return nil
}

// fieldsOf gives the fields of a message by name: numbers as uint64, texts, lists and tables.
func fieldsOf(message proto.Message) map[string]any {
	found := map[string]any{}
	reflected := message.ProtoReflect()
	all := reflected.Descriptor().Fields()
	for i := range all.Len() {
		one := all.Get(i)
		value := reflected.Get(one)
		switch {
		case one.IsMap():
			table := map[string]any{}
			value.Map().Range(func(key protoreflect.MapKey, inner protoreflect.Value) bool {
				table[key.String()] = scalar(inner)
				return true
			})
			found[string(one.Name())] = table
		case one.IsList():
			var list []any
			for j := range value.List().Len() {
				list = append(list, scalar(value.List().Get(j)))
			}
			found[string(one.Name())] = list
		default:
			found[string(one.Name())] = scalar(value)
		}
	}
	return found
}

func scalar(value protoreflect.Value) any {
	switch one := value.Interface().(type) {
	case uint32:
		return uint64(one)
	case int32:
		return uint64(int64(one))
	default:
		return one
	}
}

// rows is the answer of a list: the first one's fields, and one field of each as its name.
func rows[T proto.Message](list []T, name string) *answer {
	got := &answer{count: len(list), fields: map[string]any{}}
	for i, one := range list {
		fields := fieldsOf(one)
		if i == 0 {
			got.fields = fields
		}
		got.names = append(got.names, fmt.Sprint(fields[name]))
	}
	return got
}

func judgeResult(wanted step, got vmalab.Result, variables map[string]uint64) error {
	check := func(names []string, values []uint64) error {
		for i, name := range names {
			if expected, there := wanted[name]; there {
				if err := same(name, expected, values[i], variables); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var err error
	switch {
	case wanted["errno"] != nil:
		err = check([]string{"errno"}, []uint64{uint64(got.Errno())})
	case wanted["signal"] != nil:
		pkey, _ := got.Pkey()
		values := []uint64{uint64(got.Signal()), uint64(got.Code()), uint64(pkey)}
		err = check([]string{"signal", "si_code", "pkey"}, values)
	case wanted["userfault"] != nil:
		flags, waits := got.UserFault()
		if !waits {
			return mismatched("the result %v waits for no userfaultfd", got)
		}
		err = check([]string{"userfault"}, []uint64{uint64(flags)})
	case wanted["status"] != nil:
		err = same("status", "STATUS_"+fmt.Sprint(wanted["status"]), uint64(int64(got.Status)), variables)
		if limit, there := wanted["limit"]; err == nil && there {
			err = same("limit", "LIMIT_"+fmt.Sprint(limit), uint64(got.Info), variables)
		}
	case !got.Ok():
		return mismatched("the result is %v", got)
	}
	if expected, there := wanted["value"]; err == nil && there {
		err = same("value", expected, got.Value, variables)
	}
	return err
}

func judgeBlock(s step, got *answer, variables map[string]uint64) error {
	if wanted, there := s["executed"]; there && got.executed != number(wanted, variables) {
		return mismatched("%d records were executed, not %v", got.executed, wanted)
	}
	if wanted, there := s["failed"].([]any); there {
		var places []uint32
		for _, one := range wanted {
			places = append(places, uint32(number(one, variables)))
		}
		if !slices.Equal(places, got.places) {
			return mismatched("records %v failed, not %v", got.places, places)
		}
	}
	if wanted, there := s["good"]; there {
		good := uint64(0)
		for _, result := range got.results {
			if result.Ok() {
				good++
			}
		}
		if good != number(wanted, variables) {
			return mismatched("%d of %d results are good, not %v", good, len(got.results), wanted)
		}
	}
	if wanted, there := s["last"].(map[string]any); there {
		if err := judgeResult(wanted, got.results[len(got.results)-1], variables); err != nil {
			return err
		}
	}
	wanted, there := s["results"].([]any)
	if there && len(wanted) != len(got.results) {
		return mismatched("there are %d results, not %d", len(got.results), len(wanted))
	}
	for i, one := range wanted {
		expected := step(one.(map[string]any))
		if err := judgeResult(expected, got.results[i], variables); err != nil {
			return mismatched("record %d: %v", i, err)
		}
		if name, there := expected["save"]; there {
			variables[fmt.Sprint(name)] = got.results[i].Value
		}
	}
	return nil
}

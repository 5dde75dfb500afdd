// SPDX-License-Identifier: Apache-2.0
#include "expected.hpp"

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <utility>

namespace conformance
{

namespace
{

template <typename... Parts>
[[noreturn]] void mismatched(const Parts &...parts)
{
	std::ostringstream text;
	(text << ... << parts);
	throw Mismatch(text.str());
}

const char *const FAILURES[] = {"errno", "signal", "userfault", "code", "local"};

const char *failure_of(const json &step)
{
	for (const char *name : FAILURES)
		if (step.contains(name))
			return name;
	return "";
}

const char *name_of(grpc::StatusCode code)
{
	switch (code) {
	case grpc::StatusCode::CANCELLED:
		return "CANCELLED";
	case grpc::StatusCode::INVALID_ARGUMENT:
		return "INVALID_ARGUMENT";
	case grpc::StatusCode::DEADLINE_EXCEEDED:
		return "DEADLINE_EXCEEDED";
	case grpc::StatusCode::NOT_FOUND:
		return "NOT_FOUND";
	case grpc::StatusCode::PERMISSION_DENIED:
		return "PERMISSION_DENIED";
	case grpc::StatusCode::RESOURCE_EXHAUSTED:
		return "RESOURCE_EXHAUSTED";
	case grpc::StatusCode::FAILED_PRECONDITION:
		return "FAILED_PRECONDITION";
	case grpc::StatusCode::UNIMPLEMENTED:
		return "UNIMPLEMENTED";
	case grpc::StatusCode::INTERNAL:
		return "INTERNAL";
	case grpc::StatusCode::UNAVAILABLE:
		return "UNAVAILABLE";
	case grpc::StatusCode::UNAUTHENTICATED:
		return "UNAUTHENTICATED";
	default:
		return "UNKNOWN";
	}
}

template <typename Kind>
bool is_a(const vmalab::Error &error)
{
	return dynamic_cast<const Kind *>(&error) != nullptr;
}

/* An error of the client in the words of the cases. */
json failure(const vmalab::Error &error)
{
	if (const auto *one = dynamic_cast<const vmalab::CallError *>(&error))
		return {{"errno", one->error_number()}};
	if (const auto *one = dynamic_cast<const vmalab::FaultError *>(&error)) {
		json found = {{"signal", one->signal()}, {"si_code", one->si_code()}};
		if (one->pkey())
			found["pkey"] = *one->pkey();
		return found;
	}
	if (const auto *one = dynamic_cast<const vmalab::UserFaultError *>(&error))
		return {{"userfault", one->flags()}};
	if (const auto *one = dynamic_cast<const vmalab::ServiceError *>(&error))
		return {{"code", name_of(one->code())},
			{"reason", one->reason()},
			{"metadata", one->metadata()}};
	if (is_a<vmalab::Closed>(error))
		return {{"local", "closed"}};
	if (is_a<vmalab::BadTarget>(error))
		return {{"local", "bad_target"}};
	if (is_a<vmalab::BadCertificate>(error))
		return {{"local", "bad_certificate"}};
	if (is_a<vmalab::BadToken>(error))
		return {{"local", "bad_token"}};
	if (is_a<vmalab::BadBlock>(error))
		return {{"local", "bad_record"}};
	return json::object();
}

/* Compares what a case wants with what there is: texts as texts, all else as numbers. */
void same(const std::string &what, const json &wanted, const json &got, const Variables &variables)
{
	if (got.is_string()) {
		if (got != text_of(wanted))
			mismatched(what, " is ", got, ", not ", wanted);
	} else if (number(got, variables) != number(wanted, variables)) {
		mismatched(what, " is ", got, ", not ", wanted);
	}
}

void judge_texts(const json &step, const Answer &got)
{
	const auto has = [&](const json &part) {
		const auto text = text_of(part);
		return got.text.find(text) != std::string::npos ||
		       std::count(got.names.begin(), got.names.end(), text);
	};
	for (const auto &part : member(step, "contains"))
		if (!has(part))
			mismatched(part, " is not in \"", got.text, "\" ", json(got.names));
	for (const auto &part : member(step, "lacks"))
		if (has(part))
			mismatched(part, " is in \"", got.text, "\" ", json(got.names));
}

/* An entry, or one of a table in it: "limits.mms_max". */
const json &field(const json &fields, const std::string &name)
{
	const json *found = &fields;
	std::istringstream parts(name);
	std::string part;
	while (std::getline(parts, part, '.')) {
		if (!found->is_object() || !found->contains(part))
			mismatched("there is no field ", name);
		found = &(*found)[part];
	}
	return *found;
}

void judge_field(const std::string &kind, const std::string &name, const json &wanted,
		 const json &got, const Variables &variables)
{
	if (kind == "fields")
		return same(name, wanted, got, variables);
	if (kind == "lists") {
		for (const auto &one : wanted)
			if (!std::count(got.begin(), got.end(), one))
				mismatched(name, " has not ", one);
		return;
	}
	const auto found = number(got, variables), wants = number(wanted, variables);
	if (kind == "fields_not" && found == wants)
		mismatched(name, " is ", wanted);
	if (kind == "fields_at_least" && found < wants)
		mismatched(name, " is ", got, ", not ", wanted, " or more");
	if (kind == "bits" && (found & wants) != wants)
		mismatched(name, " is ", got, ", without all of ", wanted);
}

using Pairs = std::initializer_list<std::pair<const char *, std::uint64_t>>;

void check(const json &wanted, Pairs found, const Variables &variables)
{
	for (const auto &[name, value] : found)
		if (wanted.contains(name))
			same(name, wanted[name], value, variables);
}

void judge_result(const json &wanted, const vmalab::Result &got, const Variables &variables)
{
	if (wanted.contains("errno")) {
		check(wanted, {{"errno", got.error_number()}}, variables);
	} else if (wanted.contains("signal")) {
		check(wanted,
		      {{"signal", got.signal()},
		       {"si_code", got.si_code()},
		       {"pkey", got.pkey().value_or(0)}},
		      variables);
	} else if (wanted.contains("userfault")) {
		if (!got.userfault())
			mismatched("status ", got.status, " waits for no userfaultfd");
		check(wanted, {{"userfault", *got.userfault()}}, variables);
	} else if (wanted.contains("status")) {
		const auto status = static_cast<std::uint64_t>(std::int64_t{got.status});
		same("status", "STATUS_" + text_of(wanted["status"]), status, variables);
		if (wanted.contains("limit"))
			same("limit", "LIMIT_" + text_of(wanted["limit"]), got.info, variables);
	} else if (!got.ok()) {
		mismatched("the status is ", got.status);
	}
	check(wanted, {{"value", got.value}}, variables);
}

template <typename Number>
std::vector<Number> numbers(const json &list, const Variables &variables)
{
	std::vector<Number> found;
	for (const auto &one : list)
		found.push_back(static_cast<Number>(number(one, variables)));
	return found;
}

} // namespace

void judge_failure(const json &step, const vmalab::Error &error, const Variables &variables)
{
	const auto found = failure(error);
	const std::string wanted = failure_of(step);
	if (wanted.empty() || !found.contains(wanted))
		mismatched("it failed: ", error.what());
	for (const char *name :
	     {"errno", "signal", "si_code", "pkey", "userfault", "code", "reason", "local"}) {
		if (!step.contains(name) || (name == std::string("pkey") && wanted != "signal"))
			continue;
		if (!found.contains(name))
			mismatched("there is no ", name, " in ", found);
		same(name, step[name], found[name], variables);
	}
	for (const auto &[name, expected] : member(step, "metadata").items())
		if (const auto &got = member(member(found, "metadata"), name); got != expected)
			mismatched("metadata ", name, " is ", got, ", not ", expected);
}

void judge(const json &step, const Answer &got, const Variables &variables)
{
	const std::string wanted = failure_of(step);
	if (!wanted.empty())
		mismatched("it did not fail with ", wanted, " ", step[wanted]);
	check(step, {{"value", got.value}}, variables);
	if (step.contains("value_not") && got.value == number(step["value_not"], variables))
		mismatched("value is ", got.value);
	if (step.contains("text") && got.text != text_of(step["text"]))
		mismatched("text is \"", got.text, "\", not ", step["text"]);
	judge_texts(step, got);
	check(step, {{"count", got.count}}, variables);
	if (got.count < number(member(step, "count_at_least"), variables))
		mismatched("count is ", got.count, ", not ", step["count_at_least"], " or more");
	if (step.contains("values") &&
	    got.values != numbers<std::uint64_t>(step["values"], variables))
		mismatched("values are ", json(got.values), ", not ", step["values"]);
	judge_fields(step, got.fields, variables);
}

void judge_fields(const json &step, const json &fields, const Variables &variables)
{
	for (const char *kind : {"fields", "fields_not", "fields_at_least", "bits", "lists"})
		for (const auto &[name, wanted] : member(step, kind).items())
			judge_field(kind, name, wanted, field(fields, name), variables);
}

void judge_block(const json &step, const Answer &got, Variables &variables)
{
	check(step, {{"executed", got.executed}}, variables);
	if (step.contains("failed") &&
	    got.places != numbers<std::uint32_t>(step["failed"], variables))
		mismatched("records ", json(got.places), " failed, not ", step["failed"]);
	std::uint64_t good = 0;
	for (const auto &result : got.results)
		good += result.ok();
	check(step, {{"good", good}}, variables);
	if (step.contains("last")) {
		if (got.results.empty())
			mismatched("there is no result");
		judge_result(step["last"], got.results.back(), variables);
	}
	const auto &wanted = member(step, "results");
	if (!wanted.is_array())
		return;
	if (wanted.size() != got.results.size())
		mismatched("there are ", got.results.size(), " results, not ", wanted.size());
	for (std::size_t i = 0; i < wanted.size(); i++) {
		try {
			judge_result(wanted[i], got.results[i], variables);
		} catch (const Mismatch &error) {
			mismatched("record ", i, ": ", error.what());
		}
		if (wanted[i].contains("save"))
			variables.set(text_of(wanted[i]["save"]), got.results[i].value);
	}
}

} // namespace conformance

// SPDX-License-Identifier: Apache-2.0
/*
 * Exceptions, and how they come out of what gRPC and the server answer.
 *
 * The details of a status are a google.rpc.Status with a google.rpc.ErrorInfo. They are read as
 * messages of vmalab/v1/errors.proto, which have the same bytes: two copies of the generated code
 * of google.rpc cannot live in one program, and this one may have its own.
 */
#include "vmalab/errors.hpp"

#include <cstdio>
#include <cstring>
#include <iterator>
#include <utility>

#include "connection.hpp"
#include "vmalab/constants_gen.hpp"
#include "vmalab/v1/errors.pb.h"

namespace vmalab
{

struct ServiceError::Info {
	std::string reason;
	std::map<std::string, std::string> metadata;

	explicit Info(const grpc::Status &status);
};

ServiceError::Info::Info(const grpc::Status &status)
{
	v1::ErrorStatus details;
	if (!details.ParseFromString(status.error_details()))
		return;
	for (const auto &detail : details.details()) {
		v1::ErrorInfo info;
		const auto &url = detail.type_url();
		if (url.substr(url.rfind('/') + 1) != "google.rpc.ErrorInfo" ||
		    !info.ParseFromString(detail.value()))
			continue;
		reason = info.reason();
		metadata.insert(info.metadata().begin(), info.metadata().end());
	}
}

static std::string code_name(grpc::StatusCode code)
{
	/* In the order of their numbers. */
	static const char *const names[] = {"OK",
					    "CANCELLED",
					    "UNKNOWN",
					    "INVALID_ARGUMENT",
					    "DEADLINE_EXCEEDED",
					    "NOT_FOUND",
					    "ALREADY_EXISTS",
					    "PERMISSION_DENIED",
					    "RESOURCE_EXHAUSTED",
					    "FAILED_PRECONDITION",
					    "ABORTED",
					    "OUT_OF_RANGE",
					    "UNIMPLEMENTED",
					    "INTERNAL",
					    "UNAVAILABLE",
					    "DATA_LOSS",
					    "UNAUTHENTICATED"};
	const auto number = static_cast<unsigned>(code);
	return number < std::size(names) ? names[number] : std::to_string(number);
}

static std::string hexadecimal(std::uint64_t number)
{
	char text[24];
	std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(number));
	return text;
}

static std::string signal_text(int signal, int si_code, std::uint64_t addr,
			       std::optional<std::uint32_t> pkey)
{
	std::string text = signal == SIGSEGV ? "SIGSEGV" : "SIGBUS";
	if (signal != SIGSEGV && signal != SIGBUS)
		text = "signal " + std::to_string(signal);
	text += " (si_code " + std::to_string(si_code) + ") at " + hexadecimal(addr);
	return pkey ? text + " by protection key " + std::to_string(*pkey) : text;
}

CallError::CallError(const std::string &call, int error_number, std::uint64_t value)
	: Error(call + ": " + std::strerror(error_number)), call_(call),
	  error_number_(error_number), value_(value)
{
}

FaultError::FaultError(int signal, int si_code, std::uint64_t addr,
		       std::optional<std::uint32_t> pkey)
	: Error(signal_text(signal, si_code, addr, pkey)), signal_(signal), si_code_(si_code),
	  addr_(addr), pkey_(pkey)
{
}

UserFaultError::UserFaultError(std::uint64_t addr, std::uint32_t flags)
	: Error("the access at " + hexadecimal(addr) + " waits for its userfaultfd (flags " +
		hexadecimal(flags) + ")"),
	  addr_(addr), flags_(flags)
{
}

ServiceError::ServiceError(const grpc::Status &status) : ServiceError(status, Info(status)) {}

ServiceError::ServiceError(const grpc::Status &status, Info info)
	: Error("vmalab: " + (info.reason.empty() ? code_name(status.error_code()) : info.reason) +
		": " + status.error_message()),
	  status_(status), reason_(std::move(info.reason)), metadata_(std::move(info.metadata))
{
}

Closed::Closed() : Closed("client") {}

Closed::Closed(const std::string &what)
	: RefusedError("vmalab: this " + what + " is closed: open another one")
{
}

namespace internal
{

void raise(const grpc::Status &status)
{
	switch (status.error_code()) {
	case grpc::StatusCode::OK:
		return;
	case grpc::StatusCode::NOT_FOUND:
		if (ServiceError(status).reason() == reason::NoSuchMm)
			throw NoSuchAddressSpace(status);
		throw ServiceError(status);
	case grpc::StatusCode::RESOURCE_EXHAUSTED:
		throw LimitReached(status);
	case grpc::StatusCode::INVALID_ARGUMENT:
	case grpc::StatusCode::FAILED_PRECONDITION:
	case grpc::StatusCode::OUT_OF_RANGE:
	case grpc::StatusCode::UNIMPLEMENTED:
		throw InvalidRequest(status);
	case grpc::StatusCode::UNAUTHENTICATED:
		throw Unauthenticated(status);
	case grpc::StatusCode::PERMISSION_DENIED:
		throw NotOwner(status);
	case grpc::StatusCode::UNAVAILABLE:
		throw Unavailable(status);
	case grpc::StatusCode::CANCELLED:
		throw Cancelled(status);
	case grpc::StatusCode::DEADLINE_EXCEEDED:
		throw DeadlineExceeded(status);
	default:
		throw ServiceError(status);
	}
}

grpc::Status of_block(const grpc::Status &status)
{
	const bool refused = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
			     status.error_message().find("larger than max") != std::string::npos;
	if (!refused || !ServiceError(status).reason().empty())
		return status;
	v1::ErrorInfo info;
	info.set_reason(std::string(reason::BlockTooBig));
	info.set_domain("vmalab");
	(*info.mutable_metadata())["limit"] = "message_bytes_max";
	v1::ErrorStatus details;
	auto *detail = details.add_details();
	detail->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
	detail->set_value(info.SerializeAsString());
	return {grpc::StatusCode::INVALID_ARGUMENT,
		"the block is larger than a message may be: send it in parts (" +
			status.error_message() + ")",
		details.SerializeAsString()};
}

void check(const char *call, int error_number, std::uint64_t value)
{
	if (error_number)
		throw CallError(call, error_number, value);
}

} // namespace internal

} // namespace vmalab

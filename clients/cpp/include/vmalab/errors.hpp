// SPDX-License-Identifier: Apache-2.0
/*
 * The exceptions of the client.
 *
 *	Error
 *	  CallError			the emulated call failed with an errno
 *	  FaultError			the access would raise a signal
 *	  UserFaultError		the access would wait for a userfaultfd
 *	  ServiceError			the service cannot serve
 *	    NoSuchAddressSpace, LimitReached, InvalidRequest, Unauthenticated, NotOwner
 *	    Unavailable, Cancelled, DeadlineExceeded	the call may have been executed
 *	  RefusedError			the client refused by itself: nothing was sent
 *	    Closed, BadTarget, BadCertificate, BadToken, BadTime, BadBlock, WindowError
 */
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <grpcpp/support/status.h>

namespace vmalab
{

/** What every exception of the client is. */
class Error : public std::runtime_error
{
public:
	using std::runtime_error::runtime_error;
};

/** An emulated call that failed with an errno. */
class CallError : public Error
{
public:
	/** Of a call ("mmap") with an errno; value: what it had done before it failed. */
	CallError(const std::string &call, int error_number, std::uint64_t value = 0);

	/** The name of the call: "mmap". */
	const std::string &call() const noexcept { return call_; }
	/** What the kernel would have answered: ENOMEM. */
	int error_number() const noexcept { return error_number_; }
	/** The same for comparisons: code() == std::errc::not_enough_memory. */
	std::error_code code() const noexcept { return {error_number_, std::generic_category()}; }
	/** What it had done before it failed: with EAGAIN the bytes that UFFDIO_COPY filled. */
	std::uint64_t value() const noexcept { return value_; }

private:
	std::string call_;
	int error_number_;
	std::uint64_t value_;
};

/** An access that would have raised a signal. */
class FaultError : public Error
{
public:
	/** pkey: the protection key that forbade it, with SEGV_PKUERR. */
	FaultError(int signal, int si_code, std::uint64_t addr, std::optional<std::uint32_t> pkey);

	/** SIGSEGV or SIGBUS. */
	int signal() const noexcept { return signal_; }
	/** SEGV_MAPERR, SEGV_ACCERR, SEGV_PKUERR, BUS_ADRERR or SI_KERNEL. */
	int si_code() const noexcept { return si_code_; }
	/** Where. */
	std::uint64_t addr() const noexcept { return addr_; }
	/** The protection key that forbade it, with SEGV_PKUERR. */
	std::optional<std::uint32_t> pkey() const noexcept { return pkey_; }

private:
	int signal_;
	int si_code_;
	std::uint64_t addr_;
	std::optional<std::uint32_t> pkey_;
};

/**
 * An access that would sleep until a userfaultfd is served: fill the page, or take its protection
 * off, and touch it again.
 */
class UserFaultError : public Error
{
public:
	/** flags: UFFD_PAGEFAULT_FLAG_* of the message that the handler would read. */
	UserFaultError(std::uint64_t addr, std::uint32_t flags);

	/** Where. */
	std::uint64_t addr() const noexcept { return addr_; }
	/** UFFD_PAGEFAULT_FLAG_* of the message that the handler would read. */
	std::uint32_t flags() const noexcept { return flags_; }

private:
	std::uint64_t addr_;
	std::uint32_t flags_;
};

/** A request that the service could not serve. */
class ServiceError : public Error
{
public:
	/** Of the status that gRPC gives; its details are decoded. */
	explicit ServiceError(const grpc::Status &status);

	/** The gRPC code. */
	grpc::StatusCode code() const noexcept { return status_.error_code(); }
	/** The stable symbol of google.rpc.ErrorInfo, reason::NoSuchMm; empty if no server
	 *  answered.
	 */
	const std::string &reason() const noexcept { return reason_; }
	/** What belongs to the reason: the limit that was reached, the number of the mm. */
	const std::map<std::string, std::string> &metadata() const noexcept { return metadata_; }
	/** What the server says, for people. */
	std::string message() const { return status_.error_message(); }
	/** The status as gRPC has it. */
	const grpc::Status &status() const noexcept { return status_; }

private:
	struct Info;
	ServiceError(const grpc::Status &status, Info info);

	grpc::Status status_;
	std::string reason_;
	std::map<std::string, std::string> metadata_;
};

/** The address space has exited, or never was. */
class NoSuchAddressSpace : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** A named limit of the instance or of the service is reached. */
class LimitReached : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** The request is not one that can be served. */
class InvalidRequest : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** The server wants a token and got none, or a wrong one. */
class Unauthenticated : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** The address space or the file is another client's, and not shared. */
class NotOwner : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** Nobody answers, or the worker died during the call, which may have been executed. */
class Unavailable : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** The call was cancelled; it may have been executed. */
class Cancelled : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** The call took longer than it may; it may have been executed. */
class DeadlineExceeded : public ServiceError
{
public:
	using ServiceError::ServiceError;
};

/** What the client refuses by itself: nothing was sent. */
class RefusedError : public Error
{
public:
	using Error::Error;
};

/** The client, or the stream of blocks, is closed. */
class Closed : public RefusedError
{
public:
	/** Says what to do. */
	Closed();
	/** what: what is closed. */
	explicit Closed(const std::string &what);
};

/** A target is no address. */
class BadTarget : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

/** What was given as a certificate or a key is none. */
class BadCertificate : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

/** A token would leave this machine without TLS, or is none. */
class BadToken : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

/** A time is below 0. */
class BadTime : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

/** A record of a block cannot be, or bytes are no results. */
class BadBlock : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

/** As many blocks are outstanding as a Batch may have, or none. */
class WindowError : public RefusedError
{
public:
	using RefusedError::RefusedError;
};

} // namespace vmalab

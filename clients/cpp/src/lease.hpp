// SPDX-License-Identifier: Apache-2.0
/* The leases of a client: one Hold stream. */
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include "vmalab/v1/memory.pb.h"

namespace vmalab::internal
{

class Connection;

/**
 * One Hold stream, opened with the first lease. When it ends (the worker was killed, the server
 * stopped) another is opened with all of them, at whatever worker answers; the server keeps what
 * they are on for its grace time meanwhile. Each request of a stream has one answer, in order: a
 * lease is confirmed by the answer to the request that names it, and no longer than that stream
 * lasts.
 */
class Leases
{
public:
	explicit Leases(Connection &connection) : connection_(connection) {}
	~Leases() { close(); }
	Leases(const Leases &) = delete;
	Leases &operator=(const Leases &) = delete;

	/** One more handle wants a lease on an address space. */
	void add(std::uint64_t mm);
	/** One handle less wants it; without any the lease ends. */
	void drop(std::uint64_t mm);
	/** The address space ends: no handle has a lease on it any more. */
	void forget(std::uint64_t mm);
	/** A file was opened once more. */
	void add_file(std::uint64_t file);
	/** A file was closed once: the lease ends with the last open. */
	void drop_file(std::uint64_t file);
	std::vector<std::uint64_t> lost() const;
	/** Comes back when the lease is confirmed. Throws NoSuchAddressSpace, DeadlineExceeded,
	 *  Closed.
	 */
	void wait(std::uint64_t mm, std::chrono::nanoseconds timeout);
	/** Ends all of them. */
	void close() noexcept;

private:
	using Stream = grpc::ClientReaderWriter<v1::HoldRequest, v1::HoldResponse>;

	struct Lease {
		/* Handles on an address space, opens of a file. */
		unsigned users;
		/* Which request of the stream has it; the answer to that confirms it. */
		std::uint64_t request;
	};

	void say(v1::HoldRequest request);
	void end(std::map<std::uint64_t, Lease>::iterator which);
	void run();
	/* How a stream has ended. */
	enum class End { ANSWERED, NOT_ANSWERED, REFUSED };
	End once();
	void begin();
	void confirm_none();
	bool refused(const grpc::Status &status);
	void feed(Stream &stream);
	void hear(const v1::HoldResponse &answer);

	Connection &connection_;
	/* Guards all that follows. */
	mutable std::mutex mutex_;
	/* There is something in the queue, an answer came, the stream or all ended. */
	std::condition_variable changed_;
	bool stopped_ = false;
	bool stream_ended_ = true;
	/* Requests of this stream, and answers to them: they come in the same order. */
	std::uint64_t said_ = 0;
	std::uint64_t heard_ = 0;
	grpc::ClientContext *context_ = nullptr;
	std::map<std::uint64_t, Lease> mms_;
	std::map<std::uint64_t, Lease> files_;
	std::vector<std::uint64_t> lost_;
	std::deque<v1::HoldRequest> queue_;
	std::thread runner_;
};

} // namespace vmalab::internal

// SPDX-License-Identifier: Apache-2.0
/* What all handles of a client share: the channel, its leases, and how a call is made. */
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "cancel.hpp"
#include "lease.hpp"
#include "vmalab/errors.hpp"
#include "vmalab/options.hpp"
#include "vmalab/v1/inspect.grpc.pb.h"
#include "vmalab/v1/lab.grpc.pb.h"
#include "vmalab/v1/memory.grpc.pb.h"
#include "vmalab/v1/userfaultfd.grpc.pb.h"

namespace vmalab::internal
{

/** Throws what a status says, unless it is OK. */
void raise(const grpc::Status &status);

/** The status of a block. gRPC itself refuses a message that is too large, before the service can
 *  give a reason; it is the same as a block that the service refuses.
 */
grpc::Status of_block(const grpc::Status &status);

/** A time that a clock can count: at most ten years. Throws BadTime if it is below 0. */
std::chrono::nanoseconds bounded(std::chrono::nanoseconds duration);

/** Throws a CallError, unless errno is 0. */
void check(const char *call, int error_number, std::uint64_t value = 0);

/** The milliseconds of a request: 0 is the server's default, so anything else is 1 at least. Throws
 *  BadTime if it is below 0.
 */
std::uint32_t milliseconds(std::chrono::nanoseconds duration);

/** How much longer than others a call may take by itself. */
template <typename Request>
std::chrono::nanoseconds more_time(const Request &)
{
	return std::chrono::nanoseconds(0);
}
std::chrono::nanoseconds more_time(const v1::WaitPointRequest &request);
std::chrono::nanoseconds more_time(const v1::RunScenarioRequest &request);

class Connection
{
public:
	/** Connects, and shakes hands if options say so. */
	static std::shared_ptr<Connection> open(const std::vector<std::string> &targets,
						Options options);
	~Connection();
	Connection(const Connection &) = delete;
	Connection &operator=(const Connection &) = delete;

	const std::shared_ptr<grpc::Channel> &channel() const { return channel_; }
	v1::MemoryService::Stub &memory() { return *memory_; }
	v1::UserfaultfdService::Stub &userfaultfd() { return *userfaultfd_; }
	v1::InspectService::Stub &inspect() { return *inspect_; }
	v1::LabService::Stub &lab() { return *lab_; }
	Leases &leases() { return leases_; }

	/** What each unary call goes through: deadline, token, cancellation, errors. */
	void call(const CallOptions &options, std::chrono::nanoseconds more,
		  const std::function<grpc::Status(grpc::ClientContext *)> &run);
	/** Throws Closed if the client is closed. */
	void check_open() const;
	/** Adds the token. */
	void authorize(grpc::ClientContext &context) const;
	/** Bounds a call, unless the duration is 0. Throws BadTime. */
	static void bound(grpc::ClientContext &context, std::chrono::nanoseconds duration);
	/** All calls of this connection. */
	Cancellation &calls() { return calls_; }
	/** What a token cancels; null: there is none. */
	static Cancellation *of(const CallOptions &options);
	/** The health of a service, as the enum of the health protocol names it. */
	std::string health(const std::string &service, const CallOptions &options);
	void close() noexcept;

private:
	explicit Connection(Options options);
	void connect(const std::vector<std::string> &targets);
	void discover(const std::vector<std::string> &targets);
	bool usable(const v1::ListWorkersResponse &answer, std::vector<std::string> &found) const;
	void shake_hands();

	const Options options_;
	std::atomic<bool> closed_{false};
	Cancellation calls_;
	std::shared_ptr<grpc::Channel> channel_;
	std::unique_ptr<v1::MemoryService::Stub> memory_;
	std::unique_ptr<v1::UserfaultfdService::Stub> userfaultfd_;
	std::unique_ptr<v1::InspectService::Stub> inspect_;
	std::unique_ptr<v1::LabService::Stub> lab_;
	Leases leases_;
};

} // namespace vmalab::internal

// SPDX-License-Identifier: Apache-2.0
/* Channels, the handshake, and how a call is made. */
#include "connection.hpp"

#include <algorithm>
#include <iostream>
#include <limits>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include "secrets.hpp"
#include "target.hpp"
#include "version.hpp"

namespace vmalab::internal
{

namespace
{

constexpr std::chrono::seconds HANDSHAKE_PATIENCE{10};
/* More than that is the same as for ever, and a clock can count it. */
constexpr std::chrono::hours BOUND_MAX{24 * 365 * 10};

/* Looking does no harm twice; memory calls are never tried again. */
constexpr const char *SERVICE_CONFIG = R"({
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{"service": "vmalab.v1.InspectService"}],
		"retryPolicy": {
			"maxAttempts": 4,
			"initialBackoff": "0.05s",
			"maxBackoff": "1s",
			"backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}]
})";

grpc::ChannelArguments arguments(const std::string &first)
{
	grpc::ChannelArguments made;
	made.SetServiceConfigJSON(SERVICE_CONFIG);
	made.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
	made.SetMaxReceiveMessageSize(MESSAGE_BYTES_MAX);
	made.SetMaxSendMessageSize(MESSAGE_BYTES_MAX);
	/* Two clients with the same target would share one connection, and so one worker. */
	made.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	made.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
	made.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20000);
	made.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
	/* A server closes connections that are pinged more often than every five minutes without
	 * a call. */
	made.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 6 * 60 * 1000);
	made.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
	/* A path is no name of a host; of several addresses the first has the name. */
	made.SetString(GRPC_ARG_DEFAULT_AUTHORITY, is_unix(first) ? "localhost" : first);
	return made;
}

} // namespace

std::chrono::nanoseconds bounded(std::chrono::nanoseconds duration)
{
	if (duration.count() < 0)
		throw BadTime("vmalab: a time is not below 0, as this one of " +
			      std::to_string(duration.count()) + " ns is");
	return std::min<std::chrono::nanoseconds>(duration, BOUND_MAX);
}

std::uint32_t milliseconds(std::chrono::nanoseconds duration)
{
	if (bounded(duration).count() == 0)
		return 0;
	const auto whole = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
	constexpr auto most = std::numeric_limits<std::uint32_t>::max();
	return whole > std::int64_t{most} ? most : static_cast<std::uint32_t>(whole);
}

std::chrono::nanoseconds more_time(const v1::WaitPointRequest &request)
{
	return std::chrono::milliseconds(request.timeout_ms());
}

std::chrono::nanoseconds more_time(const v1::RunScenarioRequest &request)
{
	return std::chrono::milliseconds(request.time_ms()) + std::chrono::seconds(70);
}

Connection::Connection(Options options) : options_(std::move(options)), leases_(*this) {}

Connection::~Connection()
{
	close();
}

std::shared_ptr<Connection> Connection::open(const std::vector<std::string> &targets,
					     Options options)
{
	if (targets.empty())
		throw BadTarget("there is no address: give host:port, or several");
	for (const auto &target : targets)
		check_target(target);
	options.timeout = bounded(options.timeout);
	std::shared_ptr<Connection> made(new Connection(std::move(options)));
	made->connect(targets);
	if (made->options_.discover)
		made->discover(targets);
	return made;
}

void Connection::connect(const std::vector<std::string> &targets)
{
	const auto secrets = credentials(options_, targets);
	channel_ = grpc::CreateCustomChannel(joined(targets), secrets, arguments(targets.front()));
	memory_ = v1::MemoryService::NewStub(channel_);
	userfaultfd_ = v1::UserfaultfdService::NewStub(channel_);
	inspect_ = v1::InspectService::NewStub(channel_);
	lab_ = v1::LabService::NewStub(channel_);
}

/* Shakes hands, and learns the addresses of the workers if one address was given. With TLS the
 * certificate is for the name that was given. */
void Connection::discover(const std::vector<std::string> &targets)
{
	if (targets.size() > 1 || is_unix(targets.front())) {
		shake_hands();
		return;
	}
	v1::ListWorkersResponse answer;
	call({}, {}, [&](grpc::ClientContext *context) {
		return inspect_->ListWorkers(context, {}, &answer);
	});
	std::vector<std::string> workers;
	if (!options_.root_certificates && usable(answer, workers))
		connect(workers);
	shake_hands();
}

/* Whether the workers' addresses can be one channel, and get the token. */
bool Connection::usable(const v1::ListWorkersResponse &answer,
			std::vector<std::string> &found) const
{
	for (const auto &worker : answer.workers())
		found.push_back(worker.address());
	try {
		for (const auto &one : found)
			check_target(one);
		credentials(options_, found);
		return !found.empty() && !joined(found).empty();
	} catch (const RefusedError &) {
		return false;
	}
}

/* Warns once if one of the two is too old. A server that gives no answer is used as it is: the next
 * call has the error. */
void Connection::shake_hands()
{
	v1::GetServerInfoResponse info;
	try {
		const auto options = CallOptions::within(HANDSHAKE_PATIENCE);
		call(options, {}, [&](grpc::ClientContext *context) {
			return inspect_->GetServerInfo(context, {}, &info);
		});
	} catch (const ServiceError &) {
		return;
	}
	const auto text = complaint(info, client_version());
	if (text.empty())
		return;
	if (options_.warn)
		options_.warn(text);
	else
		std::cerr << text << std::endl;
}

void Connection::call(const CallOptions &options, std::chrono::nanoseconds more,
		      const std::function<grpc::Status(grpc::ClientContext *)> &run)
{
	check_open();
	grpc::ClientContext context;
	if (options.timeout)
		bound(context, *options.timeout);
	else if (options_.timeout.count() > 0)
		bound(context, options_.timeout + more);
	authorize(context);
	const Member mine(&calls_, context);
	const Member theirs(of(options), context);
	raise(run(&context));
}

void Connection::check_open() const
{
	if (closed_.load())
		throw Closed();
}

void Connection::authorize(grpc::ClientContext &context) const
{
	if (!options_.token.empty())
		context.AddMetadata("authorization", "Bearer " + options_.token);
}

void Connection::bound(grpc::ClientContext &context, std::chrono::nanoseconds duration)
{
	const auto sure = bounded(duration);
	if (sure.count() > 0)
		context.set_deadline(std::chrono::system_clock::now() + sure);
}

Cancellation *Connection::of(const CallOptions &options)
{
	return options.cancel ? options.cancel->state_.get() : nullptr;
}

/*
 * The messages of the health protocol are a string and an enum. They are put together by hand: two
 * copies of their generated code cannot live in one program, and this one may have its own.
 */
std::string Connection::health(const std::string &service, const CallOptions &options)
{
	namespace io = google::protobuf::io;
	constexpr std::uint32_t text_of_field_1 = 0x0a, number_of_field_1 = 0x08;
	std::string request;
	{
		io::StringOutputStream raw(&request);
		io::CodedOutputStream out(&raw);
		out.WriteTag(text_of_field_1);
		out.WriteVarint32(static_cast<std::uint32_t>(service.size()));
		out.WriteString(service);
	}
	const grpc::Slice slice(request);
	const grpc::ByteBuffer sent(&slice, 1);
	grpc::ByteBuffer received;
	call(options, {}, [&](grpc::ClientContext *context) {
		grpc::CompletionQueue queue;
		grpc::GenericStub stub(channel_);
		const auto rpc = stub.PrepareUnaryCall(context, "/grpc.health.v1.Health/Check",
						       sent, &queue);
		grpc::Status status;
		void *tag = nullptr;
		bool good = false;
		rpc->StartCall();
		rpc->Finish(&received, &status, nullptr);
		queue.Next(&tag, &good);
		return status;
	});
	grpc::Slice answer;
	received.DumpToSingleSlice(&answer);
	io::CodedInputStream in(answer.begin(), static_cast<int>(answer.size()));
	std::uint32_t number = 0;
	if (in.ReadTag() == number_of_field_1)
		in.ReadVarint32(&number);
	static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
	return number < std::size(names) ? names[number] : names[0];
}

void Connection::close() noexcept
{
	if (closed_.exchange(true))
		return;
	leases_.close();
	calls_.cancel();
}

} // namespace vmalab::internal

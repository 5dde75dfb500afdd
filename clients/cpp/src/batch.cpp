// SPDX-License-Identifier: Apache-2.0
/*
 * A stream of blocks.
 *
 * It has no thread. The caller's takes answers from the stream also while send waits: the server
 * may wait for them before it takes another block. There are never more of them than the window has
 * room for, and an end.
 */
#include "vmalab/batch.hpp"

#include <deque>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include "connection.hpp"
#include "vmalab/client.hpp"
#include "vmalab/errors.hpp"

namespace vmalab
{

namespace
{

using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::BatchResponse>;

/* A v1::BatchRequest as bytes: a block is copied once, to where gRPC sends it from. */
grpc::ByteBuffer request(std::string_view block, std::uint64_t tag, bool failed_only)
{
	namespace io = google::protobuf::io;
	constexpr std::uint32_t bytes_follow = 2;
	v1::BatchRequest before;
	before.set_tag(tag);
	before.set_failed_only(failed_only);
	std::string head = before.SerializeAsString();
	{
		io::StringOutputStream raw(&head);
		io::CodedOutputStream out(&raw);
		out.WriteTag(v1::BatchRequest::kBlockFieldNumber << 3 | bytes_follow);
		out.WriteVarint32(static_cast<std::uint32_t>(block.size()));
	}
	const grpc::Slice parts[] = {grpc::Slice(head), grpc::Slice(block.data(), block.size())};
	return {parts, std::size(parts)};
}

} // namespace

struct Batch::Stream {
	Stream(std::shared_ptr<internal::Connection> connection, std::size_t window,
	       const CallOptions &options);
	~Stream();
	void step();
	void send(std::string_view block, bool failed_only);
	v1::BatchResponse receive();
	void close() noexcept;

	const std::shared_ptr<internal::Connection> connection;
	const std::size_t window;
	const std::optional<CancelToken> token;
	grpc::ClientContext context;
	const internal::Member mine;
	const internal::Member theirs;
	grpc::CompletionQueue queue;
	std::unique_ptr<grpc::ClientAsyncReaderWriter<grpc::ByteBuffer, v1::BatchResponse>> stream;
	/* Blocks that are outstanding: their tags. */
	std::deque<std::uint64_t> tags;
	std::uint64_t tag = 0;
	std::deque<v1::BatchResponse> answers;
	v1::BatchResponse answer;

	/* What is under way. The address of each is its tag in the queue. */
	bool starting = true;
	bool reading = false;
	bool writing = false;
	bool finishing = false;
	/* The program has closed it. */
	bool closed = false;
	/* No answer comes any more; the status is to come. */
	bool over = false;
	/* The status is there, and nothing is under way. */
	bool ended = false;
	grpc::Status status;
};

/* Lets a context be made ready before it is in a set of calls. */
static grpc::ClientContext &prepared(grpc::ClientContext &context,
				     const internal::Connection &connection,
				     const CallOptions &options)
{
	connection.check_open();
	connection.authorize(context);
	if (options.timeout)
		internal::Connection::bound(context, *options.timeout);
	return context;
}

Batch::Stream::Stream(std::shared_ptr<internal::Connection> given, std::size_t most,
		      const CallOptions &options)
	: connection(std::move(given)), window(most ? most : WINDOW_DEFAULT), token(options.cancel),
	  mine(&connection->calls(), prepared(context, *connection, options)),
	  theirs(internal::Connection::of(options), context),
	  stream(Stub(connection->channel())
			 .PrepareCall(&context, "/vmalab.v1.MemoryService/Batch", &queue))
{
	stream->StartCall(&starting);
	while (starting)
		step();
}

Batch::Stream::~Stream()
{
	close();
	queue.Shutdown();
	void *done;
	bool good;
	while (queue.Next(&done, &good)) {
	}
}

/* Waits until one of the things that are under way is done, and begins what follows from it. */
void Batch::Stream::step()
{
	void *done = nullptr;
	bool good = false;
	queue.Next(&done, &good);
	*static_cast<bool *>(done) = false;
	if (done == &finishing) {
		ended = true;
		return;
	}
	if (done == &reading && good)
		answers.push_back(std::move(answer));
	if (done != &writing && !good)
		over = true; /* a write that fails has its reason in the status, too */
	if (!over && !reading) {
		reading = true;
		stream->Read(&answer, &reading);
	}
	if (over && !reading && !writing && !finishing) {
		finishing = true;
		stream->Finish(&status, &finishing);
	}
}

void Batch::Stream::send(std::string_view block, bool failed_only)
{
	const auto bytes = request(block, tag + 1, failed_only);
	tags.push_back(++tag);
	if (over)
		return; /* receive has the reason */
	writing = true;
	stream->Write(bytes, &writing);
	while (writing)
		step();
}

v1::BatchResponse Batch::Stream::receive()
{
	if (tags.empty())
		throw WindowError("no block is outstanding: send one first");
	while (answers.empty() && !ended)
		step();
	if (answers.empty()) {
		internal::raise(internal::of_block(status));
		internal::raise({grpc::StatusCode::UNAVAILABLE, "the server ended the stream"});
	}
	auto oldest = std::move(answers.front());
	answers.pop_front();
	const auto wanted = tags.front();
	tags.pop_front();
	if (oldest.tag() != wanted)
		internal::raise({grpc::StatusCode::UNAVAILABLE,
				 "answer " + std::to_string(oldest.tag()) + " instead of " +
					 std::to_string(wanted)});
	return oldest;
}

void Batch::Stream::close() noexcept
{
	closed = true;
	if (ended)
		return;
	context.TryCancel();
	while (!ended)
		step();
}

Batch::Batch(std::unique_ptr<Stream> stream) noexcept : stream_(std::move(stream)) {}

Batch::Batch(Batch &&other) noexcept = default;
Batch &Batch::operator=(Batch &&other) noexcept = default;
Batch::~Batch() = default;

std::size_t Batch::outstanding() const noexcept
{
	return stream_ ? stream_->tags.size() : 0;
}

bool Batch::full() const noexcept
{
	return stream_ && stream_->tags.size() >= stream_->window;
}

void Batch::send(const BlockBuilder &block)
{
	send_bytes(block.bytes());
}

/* The stream, if the program has not closed it. */
Batch::Stream &Batch::open() const
{
	if (!stream_ || stream_->closed)
		throw Closed("stream");
	return *stream_;
}

void Batch::send_bytes(std::string_view block, bool failed_only)
{
	auto &stream = open();
	if (full())
		throw WindowError(std::to_string(stream_->window) +
				  " blocks are outstanding: receive an answer first");
	stream.send(block, failed_only);
}

Results Batch::receive()
{
	auto answer = open().receive();
	return Results(std::move(*answer.mutable_results()));
}

Failed Batch::receive_failed()
{
	auto answer = open().receive();
	return {answer.executed(),
		{answer.failed().begin(), answer.failed().end()},
		Results(std::move(*answer.mutable_results()))};
}

void Batch::close() noexcept
{
	if (stream_)
		stream_->close();
}

Batch Client::batch(std::size_t window, const CallOptions &options)
{
	return Batch(std::make_unique<Batch::Stream>(connection(), window, options));
}

} // namespace vmalab

// SPDX-License-Identifier: Apache-2.0
/*
 * A stream of blocks.
 *
 * A thread takes answers from the stream also while send waits: the server may wait for them before
 * it takes another block. There are never more of them than the window has room for, and an end.
 */
#include "vmalab/batch.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "connection.hpp"
#include "vmalab/client.hpp"
#include "vmalab/errors.hpp"

namespace vmalab
{

struct Batch::Stream {
	Stream(std::shared_ptr<internal::Connection> connection, std::size_t window,
	       const CallOptions &options);
	~Stream() { close(); }
	void read();
	v1::BatchResponse receive();
	void close() noexcept;

	const std::shared_ptr<internal::Connection> connection;
	const std::size_t window;
	const std::optional<CancelToken> token;
	grpc::ClientContext context;
	const internal::Member mine;
	const internal::Member theirs;
	std::unique_ptr<grpc::ClientReaderWriter<v1::BatchRequest, v1::BatchResponse>> stream;
	/* Blocks that are outstanding: their tags. The caller's thread alone has them. */
	std::deque<std::uint64_t> tags;
	std::uint64_t tag = 0;

	/* The thread that reads does not end the stream while another one writes. */
	std::mutex writing;
	/* Guards what follows. */
	std::mutex mutex;
	std::condition_variable heard;
	std::deque<v1::BatchResponse> answers;
	bool ended = false;
	grpc::Status status;
	std::thread reader;
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
	  stream(connection->memory().Batch(&context)), reader(&Stream::read, this)
{
}

void Batch::Stream::read()
{
	for (;;) {
		v1::BatchResponse answer;
		if (!stream->Read(&answer))
			break;
		const std::lock_guard<std::mutex> guard(mutex);
		answers.push_back(std::move(answer));
		heard.notify_all();
	}
	/* The stream has ended, so a write that is under way comes back at once. */
	const std::lock_guard<std::mutex> no_write(writing);
	const auto found = stream->Finish();
	const std::lock_guard<std::mutex> guard(mutex);
	status = found;
	ended = true;
	heard.notify_all();
}

v1::BatchResponse Batch::Stream::receive()
{
	if (tags.empty())
		throw WindowError("no block is outstanding: send one first");
	std::unique_lock<std::mutex> guard(mutex);
	heard.wait(guard, [this] { return ended || !answers.empty(); });
	if (answers.empty()) {
		internal::raise(status);
		internal::raise({grpc::StatusCode::UNAVAILABLE, "the server ended the stream"});
	}
	auto answer = std::move(answers.front());
	answers.pop_front();
	const auto wanted = tags.front();
	tags.pop_front();
	if (answer.tag() != wanted)
		internal::raise({grpc::StatusCode::UNAVAILABLE,
				 "answer " + std::to_string(answer.tag()) + " instead of " +
					 std::to_string(wanted)});
	return answer;
}

void Batch::Stream::close() noexcept
{
	if (!reader.joinable())
		return;
	context.TryCancel();
	reader.join();
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

void Batch::send_bytes(std::string block, bool failed_only)
{
	if (!stream_)
		throw Closed();
	if (full())
		throw WindowError(std::to_string(stream_->window) +
				  " blocks are outstanding: receive an answer first");
	v1::BatchRequest request;
	request.set_block(std::move(block));
	request.set_tag(++stream_->tag);
	request.set_failed_only(failed_only);
	{
		const std::lock_guard<std::mutex> guard(stream_->writing);
		bool ended;
		{
			const std::lock_guard<std::mutex> state(stream_->mutex);
			ended = stream_->ended;
		}
		if (!ended)
			stream_->stream->Write(request);
	}
	stream_->tags.push_back(stream_->tag); /* if it has ended, receive has the reason */
}

Results Batch::receive()
{
	if (!stream_)
		throw Closed();
	auto answer = stream_->receive();
	return Results(std::move(*answer.mutable_results()));
}

Failed Batch::receive_failed()
{
	if (!stream_)
		throw Closed();
	auto answer = stream_->receive();
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

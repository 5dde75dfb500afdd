// SPDX-License-Identifier: Apache-2.0
/* Streams of blocks, with a server that answers as a test wants it. */
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <vmalab/vmalab.hpp>

#include "vmalab/v1/memory.grpc.pb.h"

namespace v1 = vmalab::v1;

static constexpr std::chrono::minutes PATIENCE{5};
static constexpr std::size_t RESULT_BYTES = 16;

/* Answers each block with as many results as it has bytes, before it reads the next one. A block of
 * one byte is the end of the stream. One of two bytes has no answer. */
class Echo final : public v1::MemoryService::Service
{
public:
	using Stream = grpc::ServerReaderWriter<v1::BatchResponse, v1::BatchRequest>;

	grpc::Status Batch(grpc::ServerContext *, Stream *stream) override
	{
		v1::BatchRequest request;
		while (stream->Read(&request)) {
			const auto bytes = request.block().size();
			if (bytes == 1)
				return {grpc::StatusCode::UNAVAILABLE, "the worker goes"};
			v1::BatchResponse answer;
			answer.set_tag(request.tag() + wrong_by);
			answer.set_results(std::string(bytes * RESULT_BYTES, request.block()[0]));
			if (bytes != 2)
				stream->Write(answer);
		}
		return grpc::Status::OK;
	}

	std::atomic<int> wrong_by{0};
};

class Batches : public testing::Test
{
protected:
	Batches()
	{
		int port = 0;
		grpc::ServerBuilder builder;
		builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
		builder.RegisterService(&echo_);
		server_ = builder.BuildAndStart();
		vmalab::Options options;
		options.discover = false;
		const auto target = "127.0.0.1:" + std::to_string(port);
		client_ = std::make_unique<vmalab::Client>(target, options);
	}

	~Batches() override
	{
		client_->close();
		server_->Shutdown(std::chrono::system_clock::now());
	}

	vmalab::Batch batch(std::size_t window)
	{
		return client_->batch(window, vmalab::CallOptions::within(PATIENCE));
	}

	Echo echo_;
	std::unique_ptr<grpc::Server> server_;
	std::unique_ptr<vmalab::Client> client_;
};

/* The server takes no block while an answer waits to be taken: nobody would go on if send waited
 * for the server alone. Answers of 32 MB do not fit in what the connection holds. */
TEST_F(Batches, TakeAnswersWhileTheySend)
{
	constexpr std::size_t count = 4, bytes = 2000000;
	auto batch = this->batch(count);
	for (std::size_t i = 0; i < count; i++)
		batch.send_bytes(std::string(bytes, static_cast<char>(i)));
	EXPECT_TRUE(batch.full());
	EXPECT_THROW(batch.send_bytes("abc"), vmalab::WindowError);
	for (std::size_t i = 0; i < count; i++) {
		const auto results = batch.receive();
		ASSERT_EQ(results.size(), bytes);
		EXPECT_EQ(results[bytes - 1].value, i * 0x0101010101010101u);
	}
	EXPECT_THROW(batch.receive(), vmalab::WindowError);
}

TEST_F(Batches, AreMovedWithWhatIsOutstanding)
{
	auto first = batch(2);
	first.send_bytes("abc");
	auto second = std::move(first);
	EXPECT_EQ(second.receive().size(), 3u);
	EXPECT_THROW(first.send_bytes("abc"), vmalab::Closed);
	second = batch(1);
	second.send_bytes("abcd");
	EXPECT_EQ(second.receive().size(), 4u);
}

TEST_F(Batches, GiveTheReasonOfTheirEnd)
{
	auto batch = this->batch(4);
	batch.send_bytes("abc");
	batch.send_bytes("e");
	batch.send_bytes("abc");
	EXPECT_EQ(batch.receive().size(), 3u) << "it came before the end";
	EXPECT_THROW(batch.receive(), vmalab::Unavailable);
	EXPECT_THROW(batch.receive(), vmalab::Unavailable) << "it does not come back";
	batch.send_bytes("abc"); /* receive has the reason */
	echo_.wrong_by = 1;
	auto other = this->batch(1);
	other.send_bytes("abc");
	EXPECT_THROW(other.receive(), vmalab::Unavailable) << "an answer to another block";
}

TEST_F(Batches, EndWithTheirClientAndTheirToken)
{
	const vmalab::CancelToken token;
	auto cancelled = client_->batch(1, vmalab::CallOptions::cancelled_by(token));
	auto left = batch(1);
	for (auto *one : {&cancelled, &left})
		one->send_bytes("no");
	std::thread other([&] {
		token.cancel();
		client_->close();
	});
	EXPECT_THROW(cancelled.receive(), vmalab::Cancelled);
	EXPECT_THROW(left.receive(), vmalab::Cancelled);
	other.join();
}

TEST_F(Batches, ThatAreClosedRefuse)
{
	auto batch = this->batch(2);
	batch.send_bytes("no");
	batch.close();
	batch.close();
	EXPECT_THROW(batch.send_bytes("abc"), vmalab::Closed);
	EXPECT_THROW(batch.receive(), vmalab::Closed);
	const auto given_up = this->batch(2);
}

TEST_F(Batches, EndInTime)
{
	using namespace std::chrono_literals;
	auto batch = client_->batch(1, vmalab::CallOptions::within(200ms));
	batch.send_bytes("no");
	EXPECT_THROW(batch.receive(), vmalab::DeadlineExceeded);
}

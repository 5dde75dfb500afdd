// SPDX-License-Identifier: Apache-2.0
/* Which leases a client has, and which of them it takes for confirmed: what a server sees. */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <vmalab/vmalab.hpp>

#include "vmalab/v1/errors.pb.h"
#include "vmalab/v1/memory.grpc.pb.h"

namespace v1 = vmalab::v1;

static constexpr std::chrono::minutes PATIENCE{5};
/* What must not come is not waited for any longer. */
static constexpr std::chrono::milliseconds SHORT{300};
static constexpr std::uint64_t FORBIDDEN = 7;

/* Notes the requests of streams, and answers each when a test says so. */
class Scripted final : public v1::MemoryService::Service
{
public:
	using Stream = grpc::ServerReaderWriter<v1::HoldResponse, v1::HoldRequest>;

	grpc::Status Hold(grpc::ServerContext *context, Stream *stream) override
	{
		v1::HoldRequest request;
		while (stream->Read(&request)) {
			const auto &add = request.add();
			put(asked_, request);
			if (std::find(add.begin(), add.end(), FORBIDDEN) != add.end())
				return refusal();
			v1::HoldResponse answer;
			while (!take(answers_, answer, std::chrono::milliseconds(20)))
				if (context->IsCancelled())
					return grpc::Status::CANCELLED;
			stream->Write(answer);
		}
		return grpc::Status::OK;
	}

	grpc::Status OpenFile(grpc::ServerContext *, const v1::OpenFileRequest *request,
			      v1::OpenFileResponse *answer) override
	{
		answer->set_file(request->ino());
		return grpc::Status::OK;
	}

	grpc::Status CloseFile(grpc::ServerContext *, const v1::CloseFileRequest *,
			       v1::CloseFileResponse *) override
	{
		return grpc::Status::OK;
	}

	grpc::Status Exit(grpc::ServerContext *, const v1::ExitRequest *,
			  v1::ExitResponse *) override
	{
		exits++;
		return grpc::Status::OK;
	}

	grpc::Status ForkAddressSpace(grpc::ServerContext *, const v1::ForkAddressSpaceRequest *,
				      v1::ForkAddressSpaceResponse *answer) override
	{
		answer->set_mm(2);
		return grpc::Status::OK;
	}

	std::atomic<int> exits{0};

	v1::HoldRequest next()
	{
		v1::HoldRequest request;
		EXPECT_TRUE(take(asked_, request, PATIENCE)) << "no request comes";
		return request;
	}

	void answer(std::uint32_t held, std::vector<std::uint64_t> missing_files = {})
	{
		v1::HoldResponse answer;
		answer.set_held_count(held);
		for (const auto file : missing_files)
			answer.add_missing_files(file);
		put(answers_, answer);
	}

private:
	static grpc::Status refusal()
	{
		v1::ErrorInfo info;
		info.set_reason(std::string(vmalab::reason::NotOwner));
		(*info.mutable_metadata())["mm"] = std::to_string(FORBIDDEN);
		v1::ErrorStatus status;
		auto *detail = status.add_details();
		detail->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
		detail->set_value(info.SerializeAsString());
		return {grpc::StatusCode::PERMISSION_DENIED, "no", status.SerializeAsString()};
	}

	template <typename T>
	void put(std::deque<T> &queue, const T &one)
	{
		const std::lock_guard<std::mutex> guard(mutex_);
		queue.push_back(one);
		changed_.notify_all();
	}

	template <typename T>
	bool take(std::deque<T> &queue, T &one, std::chrono::milliseconds most)
	{
		std::unique_lock<std::mutex> guard(mutex_);
		if (!changed_.wait_for(guard, most, [&] { return !queue.empty(); }))
			return false;
		one = queue.front();
		queue.pop_front();
		return true;
	}

	std::mutex mutex_;
	std::condition_variable changed_;
	std::deque<v1::HoldRequest> asked_;
	std::deque<v1::HoldResponse> answers_;
};

class Leases : public testing::Test
{
protected:
	Leases()
	{
		int port = 0;
		grpc::ServerBuilder builder;
		builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
		builder.RegisterService(&scripted_);
		server_ = builder.BuildAndStart();
		vmalab::Options options;
		options.discover = false;
		const auto target = "127.0.0.1:" + std::to_string(port);
		client_ = std::make_unique<vmalab::Client>(target, options);
	}

	~Leases() override
	{
		client_->close();
		server_->Shutdown();
	}

	bool confirmed(std::uint64_t mm, std::chrono::nanoseconds most)
	{
		try {
			client_->wait_lease(mm, most);
		} catch (const vmalab::DeadlineExceeded &) {
			return false;
		}
		return true;
	}

	Scripted scripted_;
	std::unique_ptr<grpc::Server> server_;
	std::unique_ptr<vmalab::Client> client_;
};

TEST_F(Leases, AreConfirmedByTheAnswerToTheirRequest)
{
	auto first = client_->use(1);
	scripted_.next();
	auto second = client_->use(2);
	first.detach();
	auto third = client_->use(3);
	scripted_.answer(1);
	scripted_.answer(2);
	EXPECT_TRUE(confirmed(2, PATIENCE));
	EXPECT_FALSE(confirmed(3, SHORT));
	scripted_.answer(1);
	scripted_.answer(2);
	EXPECT_TRUE(confirmed(3, PATIENCE));
}

TEST_F(Leases, AreNotConfirmedWithoutAStream)
{
	auto space = client_->use(1);
	scripted_.answer(1);
	EXPECT_TRUE(confirmed(1, PATIENCE));
	server_->Shutdown(std::chrono::system_clock::now());
	const auto end = std::chrono::steady_clock::now() + PATIENCE;
	while (confirmed(1, std::chrono::milliseconds(20)))
		ASSERT_LT(std::chrono::steady_clock::now(), end);
}

TEST_F(Leases, AreLostWhenTheyAreRefused)
{
	auto first = client_->use(1);
	scripted_.next();
	scripted_.answer(1);
	EXPECT_TRUE(confirmed(1, PATIENCE));
	auto other = client_->use(FORBIDDEN);
	EXPECT_THROW(client_->wait_lease(FORBIDDEN, PATIENCE), vmalab::NoSuchAddressSpace);
	EXPECT_EQ(client_->lost(), std::vector<std::uint64_t>{FORBIDDEN});
	scripted_.next();
	const auto again = scripted_.next();
	ASSERT_EQ(again.add_size(), 1);
	EXPECT_EQ(again.add(0), 1u);
	scripted_.answer(1);
	EXPECT_TRUE(confirmed(1, PATIENCE));
}

TEST_F(Leases, EndWithTheLastHandleThatHasThem)
{
	auto first = client_->use(1);
	auto second = client_->use(1);
	EXPECT_EQ(scripted_.next().add_size(), 1);
	scripted_.answer(1);
	EXPECT_TRUE(confirmed(1, PATIENCE));
	first.detach();
	first.detach(); /* it has none any more */
	EXPECT_TRUE(confirmed(1, PATIENCE));
	{
		const auto last = std::move(second);
	}
	EXPECT_EQ(scripted_.next().drop_size(), 1);
	scripted_.answer(0);
	EXPECT_EQ(scripted_.exits, 0) << "no handle has made it";
	{
		auto used = client_->use_without_lease(1);
		const auto made = used.fork();
	}
	EXPECT_EQ(scripted_.exits, 1) << "the child alone was made";
}

TEST_F(Leases, OfAClosedClientAreNotWaitedFor)
{
	auto space = client_->use(1);
	scripted_.answer(1);
	EXPECT_TRUE(confirmed(1, std::chrono::nanoseconds::max())) << "a clock cannot count it";
	client_->close();
	EXPECT_THROW(client_->wait_lease(1, PATIENCE), vmalab::Closed);
}

TEST_F(Leases, OfAFileEndWithItsLastClose)
{
	vmalab::FileOptions file;
	file.ino = 5;
	client_->open_file(file);
	scripted_.next();
	client_->open_file(file);
	client_->close_file(5);
	client_->close_file(5);
	client_->open_file(file);
	/* The answer to the first comes late: the file was opened again meanwhile. */
	scripted_.answer(0, {5});
	EXPECT_EQ(scripted_.next().drop_files_size(), 1);
	scripted_.answer(0);
	EXPECT_EQ(scripted_.next().add_files_size(), 1);
	scripted_.answer(0);
	client_->close_file(5);
	EXPECT_EQ(scripted_.next().drop_files_size(), 1);
}

// SPDX-License-Identifier: Apache-2.0
/* Calls that can be cancelled together: what a CancelToken is, and what a connection has. */
#pragma once

#include <mutex>
#include <unordered_set>

#include <grpcpp/client_context.h>

namespace vmalab::internal
{

/** A set of calls, and whether they are cancelled. */
class Cancellation
{
public:
	void cancel()
	{
		const std::lock_guard<std::mutex> guard(mutex_);
		cancelled_ = true;
		for (auto *one : calls_)
			one->TryCancel();
	}

	bool cancelled()
	{
		const std::lock_guard<std::mutex> guard(mutex_);
		return cancelled_;
	}

	/** A call that begins now; it is cancelled at once if the others were. */
	void add(grpc::ClientContext &context)
	{
		const std::lock_guard<std::mutex> guard(mutex_);
		calls_.insert(&context);
		if (cancelled_)
			context.TryCancel();
	}

	void remove(grpc::ClientContext &context)
	{
		const std::lock_guard<std::mutex> guard(mutex_);
		calls_.erase(&context);
	}

private:
	std::mutex mutex_;
	bool cancelled_ = false;
	std::unordered_set<grpc::ClientContext *> calls_;
};

/** A call is in a Cancellation as long as this lives. */
class Member
{
public:
	Member(Cancellation *all, grpc::ClientContext &context) : all_(all), context_(context)
	{
		if (all_)
			all_->add(context_);
	}
	~Member()
	{
		if (all_)
			all_->remove(context_);
	}
	Member(const Member &) = delete;
	Member &operator=(const Member &) = delete;

private:
	Cancellation *all_;
	grpc::ClientContext &context_;
};

} // namespace vmalab::internal

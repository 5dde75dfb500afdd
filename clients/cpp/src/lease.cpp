// SPDX-License-Identifier: Apache-2.0
/* The leases of a client. */
#include "lease.hpp"

#include <algorithm>
#include <utility>

#include "connection.hpp"

namespace vmalab::internal
{

namespace
{

using Guard = std::unique_lock<std::mutex>;

constexpr std::chrono::milliseconds RETRY_FIRST{20};
constexpr std::chrono::milliseconds RETRY_MAX{500};

} // namespace

/* The caller has the mutex. */
void Leases::say(v1::HoldRequest request)
{
	queue_.push_back(std::move(request));
	said_++;
	changed_.notify_all();
	if (!runner_.joinable())
		runner_ = std::thread(&Leases::run, this);
}

void Leases::add(std::uint64_t mm)
{
	const Guard guard(mutex_);
	if (stopped_)
		return;
	const auto [which, fresh] = mms_.try_emplace(mm, Lease{1, said_ + 1});
	if (!fresh) {
		which->second.handles++;
		return;
	}
	v1::HoldRequest request;
	request.add_add(mm);
	say(std::move(request));
}

/* The caller has the mutex. */
void Leases::end(std::map<std::uint64_t, Lease>::iterator which)
{
	v1::HoldRequest request;
	request.add_drop(which->first);
	mms_.erase(which);
	if (!stopped_)
		say(std::move(request));
}

void Leases::drop(std::uint64_t mm)
{
	const Guard guard(mutex_);
	const auto which = mms_.find(mm);
	if (which != mms_.end() && --which->second.handles == 0)
		end(which);
}

void Leases::forget(std::uint64_t mm)
{
	const Guard guard(mutex_);
	const auto which = mms_.find(mm);
	if (which != mms_.end())
		end(which);
}

void Leases::add_file(std::uint64_t file)
{
	const Guard guard(mutex_);
	if (stopped_ || !files_.insert(file).second)
		return;
	v1::HoldRequest request;
	request.add_add_files(file);
	say(std::move(request));
}

std::vector<std::uint64_t> Leases::lost() const
{
	const Guard guard(mutex_);
	return lost_;
}

void Leases::wait(std::uint64_t mm, std::chrono::nanoseconds timeout)
{
	Guard guard(mutex_);
	const auto decided = [&] {
		const auto which = mms_.find(mm);
		return stopped_ || which == mms_.end() || which->second.request <= heard_;
	};
	if (!changed_.wait_for(guard, timeout, decided))
		raise({grpc::StatusCode::DEADLINE_EXCEEDED, "the lease is not confirmed"});
	if (stopped_)
		throw Closed();
	if (!mms_.count(mm))
		throw NoSuchAddressSpace(
			{grpc::StatusCode::NOT_FOUND, "this client has no lease on it"});
}

void Leases::close() noexcept
{
	{
		const Guard guard(mutex_);
		stopped_ = true;
		if (context_)
			context_->TryCancel();
		changed_.notify_all();
	}
	if (runner_.joinable())
		runner_.join();
}

void Leases::run()
{
	auto retry = RETRY_FIRST;
	for (;;) {
		if (once())
			retry = RETRY_FIRST;
		Guard guard(mutex_);
		if (changed_.wait_for(guard, retry, [this] { return stopped_; }))
			return;
		retry = std::min(2 * retry, RETRY_MAX);
	}
}

/* The first request of a stream has all leases. The caller has the mutex. */
void Leases::begin()
{
	v1::HoldRequest first;
	for (auto &[mm, lease] : mms_) {
		lease.request = 1;
		first.add_add(mm);
	}
	for (const auto file : files_)
		first.add_add_files(file);
	queue_.clear();
	queue_.push_back(std::move(first));
	said_ = 1;
	heard_ = 0;
	stream_ended_ = false;
}

/* Opens a stream with all leases, and serves it until it ends; whether there was an answer. */
bool Leases::once()
{
	grpc::ClientContext context;
	context.set_wait_for_ready(true);
	connection_.authorize(context);
	{
		const Guard guard(mutex_);
		if (stopped_)
			return false;
		context_ = &context;
	}
	const auto stream = connection_.memory().Hold(&context);
	{
		const Guard guard(mutex_);
		begin();
	}
	std::thread feeder(&Leases::feed, this, std::ref(*stream));
	bool answered = false;
	v1::HoldResponse answer;
	while (stream->Read(&answer)) {
		answered = true;
		hear(answer);
	}
	{
		const Guard guard(mutex_);
		stream_ended_ = true;
		changed_.notify_all();
	}
	context.TryCancel();
	feeder.join();
	stream->Finish();
	const Guard guard(mutex_);
	context_ = nullptr;
	return answered;
}

void Leases::feed(Stream &stream)
{
	Guard guard(mutex_);
	for (;;) {
		changed_.wait(guard, [this] { return stream_ended_ || !queue_.empty(); });
		if (stream_ended_)
			return;
		const auto request = std::move(queue_.front());
		queue_.pop_front();
		guard.unlock();
		if (!stream.Write(request))
			return; /* Read has the reason */
		guard.lock();
	}
}

void Leases::hear(const v1::HoldResponse &answer)
{
	const Guard guard(mutex_);
	for (const auto mm : answer.missing())
		if (mms_.erase(mm))
			lost_.push_back(mm);
	for (const auto file : answer.missing_files())
		files_.erase(file);
	heard_++;
	changed_.notify_all();
}

} // namespace vmalab::internal

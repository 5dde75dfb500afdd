// SPDX-License-Identifier: Apache-2.0
/* The leases of a client. */
#include "lease.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "connection.hpp"
#include "vmalab/constants_gen.hpp"

namespace vmalab::internal
{

namespace
{

using Guard = std::unique_lock<std::mutex>;

constexpr std::chrono::milliseconds RETRY_FIRST{20};
constexpr std::chrono::milliseconds RETRY_MAX{500};

/* A number of the metadata; 0: there is none. */
std::uint64_t number(const ServiceError &error, const char *name)
{
	const auto found = error.metadata().find(name);
	return found == error.metadata().end() ? 0
					       : std::strtoull(found->second.c_str(), nullptr, 10);
}

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
		which->second.users++;
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
	changed_.notify_all();
}

void Leases::drop(std::uint64_t mm)
{
	const Guard guard(mutex_);
	const auto which = mms_.find(mm);
	if (which != mms_.end() && --which->second.users == 0)
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
	if (stopped_)
		return;
	const auto [which, fresh] = files_.try_emplace(file, Lease{1, said_ + 1});
	if (!fresh) {
		which->second.users++;
		return;
	}
	v1::HoldRequest request;
	request.add_add_files(file);
	say(std::move(request));
}

void Leases::drop_file(std::uint64_t file)
{
	const Guard guard(mutex_);
	const auto which = files_.find(file);
	if (stopped_ || which == files_.end() || --which->second.users)
		return;
	files_.erase(which);
	v1::HoldRequest request;
	request.add_drop_files(file);
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
	if (!changed_.wait_for(guard, bounded(timeout), decided))
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
		const auto end = once();
		if (end == End::ANSWERED)
			retry = RETRY_FIRST;
		Guard guard(mutex_);
		if (end == End::REFUSED && !stopped_)
			continue; /* the next stream is without it */
		if (changed_.wait_for(guard, retry, [this] { return stopped_; }))
			return;
		retry = std::min(2 * retry, RETRY_MAX);
	}
}

/* The first request of the next stream has all leases. The caller has the mutex. */
void Leases::confirm_none()
{
	said_ = 0;
	heard_ = 0;
	for (auto *leases : {&mms_, &files_})
		for (auto &one : *leases)
			one.second.request = 1;
}

/* The caller has the mutex. */
void Leases::begin()
{
	confirm_none();
	v1::HoldRequest first;
	for (const auto &[mm, lease] : mms_)
		first.add_add(mm);
	for (const auto &[file, lease] : files_)
		first.add_add_files(file);
	queue_.clear();
	queue_.push_back(std::move(first));
	said_ = 1;
	stream_ended_ = false;
}

/* Whether the server has refused a lease, which is lost then. The caller has the mutex. */
bool Leases::refused(const grpc::Status &status)
{
	if (status.error_code() != grpc::StatusCode::PERMISSION_DENIED)
		return false;
	const ServiceError error(status);
	if (error.reason() != reason::NotOwner)
		return false;
	const auto mm = number(error, "mm");
	if (mms_.erase(mm)) {
		lost_.push_back(mm);
		changed_.notify_all();
		return true;
	}
	return files_.erase(number(error, "file")) != 0;
}

/* Opens a stream with all leases, and serves it until it ends. */
Leases::End Leases::once()
{
	grpc::ClientContext context;
	context.set_wait_for_ready(true);
	connection_.authorize(context);
	{
		const Guard guard(mutex_);
		if (stopped_)
			return End::NOT_ANSWERED;
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
	const auto status = stream->Finish();
	{
		const Guard guard(mutex_);
		stream_ended_ = true;
		confirm_none();
		changed_.notify_all();
	}
	context.TryCancel();
	feeder.join();
	const Guard guard(mutex_);
	context_ = nullptr;
	if (refused(status))
		return End::REFUSED;
	return answered ? End::ANSWERED : End::NOT_ANSWERED;
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
	heard_++;
	/* One that was opened again meanwhile is in a request that has no answer yet. */
	const auto erase = [this](std::map<std::uint64_t, Lease> &leases, std::uint64_t key) {
		const auto which = leases.find(key);
		if (which == leases.end() || which->second.request > heard_)
			return false;
		leases.erase(which);
		return true;
	};
	for (const auto mm : answer.missing())
		if (erase(mms_, mm))
			lost_.push_back(mm);
	for (const auto file : answer.missing_files())
		erase(files_, file);
	changed_.notify_all();
}

} // namespace vmalab::internal

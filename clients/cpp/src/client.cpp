// SPDX-License-Identifier: Apache-2.0
/* A client: what belongs to no single address space. */
#include "vmalab/client.hpp"

#include <utility>

#include "connection.hpp"
#include "vmalab/errors.hpp"

namespace vmalab
{

CancelToken::CancelToken() : state_(std::make_shared<internal::Cancellation>()) {}

void CancelToken::cancel() const
{
	state_->cancel();
}

bool CancelToken::cancelled() const
{
	return state_->cancelled();
}

Client::Client(const std::string &target, Options options)
	: connection_(internal::Connection::open({target}, std::move(options)))
{
}

Client::Client(std::shared_ptr<internal::Connection> connection) noexcept
	: connection_(std::move(connection))
{
}

Client Client::all(std::vector<std::string> targets, Options options)
{
	return Client(internal::Connection::open(targets, std::move(options)));
}

Client &Client::operator=(Client &&other) noexcept
{
	if (this != &other) {
		close();
		connection_ = std::move(other.connection_);
	}
	return *this;
}

Client::~Client()
{
	close();
}

const std::shared_ptr<internal::Connection> &Client::connection() const
{
	if (!connection_)
		throw Closed();
	return connection_;
}

void Client::close() noexcept
{
	if (connection_)
		connection_->close();
}

AddressSpace Client::create(const SpaceOptions &given, const CallOptions &options)
{
	v1::CreateAddressSpaceRequest request;
	request.set_mmap_base(given.mmap_base);
	request.set_start_brk(given.start_brk);
	request.set_brk(given.brk);
	request.set_maps(given.maps);
	request.set_ttl_ms(internal::milliseconds(given.ttl));
	if (given.setup)
		*request.mutable_setup() = *given.setup;
	const auto answer = memory().create_address_space(request, options);
	return AddressSpace(connection(), answer.mm(), true, given.lease);
}

AddressSpace Client::use(std::uint64_t mm)
{
	return AddressSpace(connection(), mm, false, true);
}

AddressSpace Client::use_without_lease(std::uint64_t mm)
{
	return AddressSpace(connection(), mm, false, false);
}

std::vector<std::uint64_t> Client::keep_alive(const std::vector<std::uint64_t> &mms,
					      std::chrono::nanoseconds ttl,
					      const CallOptions &options)
{
	v1::KeepAliveRequest request;
	for (const auto mm : mms)
		request.add_mms(mm);
	request.set_ttl_ms(internal::milliseconds(ttl));
	const auto answer = memory().keep_alive(request, options);
	return {answer.missing().begin(), answer.missing().end()};
}

std::uint64_t Client::open_file(const FileOptions &given, const CallOptions &options)
{
	v1::OpenFileRequest request;
	request.set_dev_major(given.dev_major);
	request.set_dev_minor(given.dev_minor);
	request.set_ino(given.ino);
	request.set_size_bytes(given.size_bytes);
	request.set_name(given.name);
	request.set_ttl_ms(internal::milliseconds(given.ttl));
	const auto answer = memory().open_file(request, options);
	if (given.lease)
		connection()->leases().add_file(answer.file());
	return answer.file();
}

void Client::close_file(std::uint64_t file, const CallOptions &options)
{
	v1::CloseFileRequest request;
	request.set_file(file);
	memory().close_file(request, options);
	connection()->leases().drop_file(file);
}

void Client::share_file(std::uint64_t file, const CallOptions &options)
{
	v1::ShareFileRequest request;
	request.set_file(file);
	memory().share_file(request, options);
}

void Client::truncate_file(std::uint64_t file, std::uint64_t size_bytes, const CallOptions &options)
{
	v1::TruncateFileRequest request;
	request.set_file(file);
	request.set_size_bytes(size_bytes);
	const auto answer = memory().truncate_file(request, options);
	internal::check("truncate_file", answer.errno_code());
}

void Client::allocate_file(std::uint64_t file, std::uint32_t mode, std::uint64_t offset,
			   std::uint64_t length, const CallOptions &options)
{
	v1::AllocateFileRequest request;
	request.set_file(file);
	request.set_mode(mode);
	request.set_offset(offset);
	request.set_length(length);
	const auto answer = memory().allocate_file(request, options);
	internal::check("allocate_file", answer.errno_code());
}

Results Client::apply(const BlockBuilder &block, const CallOptions &options)
{
	return apply_bytes(std::string(block.bytes()), options);
}

Results Client::apply_bytes(std::string block, const CallOptions &options)
{
	v1::ApplyRequest request;
	request.set_block(std::move(block));
	try {
		auto answer = memory().apply(request, options);
		return Results(std::move(*answer.mutable_results()));
	} catch (const LimitReached &error) {
		internal::raise(internal::of_block(error.status()));
		throw;
	}
}

std::string Client::health(const std::string &service, const CallOptions &options)
{
	return connection()->health(service, options);
}

std::vector<std::uint64_t> Client::lost() const
{
	return connection()->leases().lost();
}

void Client::wait_lease(std::uint64_t mm, std::chrono::nanoseconds timeout)
{
	connection()->leases().wait(mm, timeout);
}

} // namespace vmalab

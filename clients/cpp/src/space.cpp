// SPDX-License-Identifier: Apache-2.0
/* Address spaces: what ends them, and the calls that need more than a request and an answer. */
#include "vmalab/space.hpp"

#include <utility>

#include "connection.hpp"
#include "vmalab/errors.hpp"
#include "vmalab/services_gen.hpp"

namespace vmalab
{

Handle::Handle(std::shared_ptr<internal::Connection> connection, std::uint64_t number) noexcept
	: connection_(std::move(connection)), number_(number)
{
}

Handle::Handle(Handle &&other) noexcept
	: connection_(std::move(other.connection_)), number_(other.number_),
	  rights_(other.rights_.load())
{
}

Handle &Handle::operator=(Handle &&other) noexcept
{
	connection_ = std::move(other.connection_);
	number_ = other.number_;
	rights_.store(other.rights_.load());
	return *this;
}

const std::shared_ptr<internal::Connection> &Handle::connection() const
{
	if (!connection_)
		throw Closed();
	return connection_;
}

AddressSpace::AddressSpace(std::shared_ptr<internal::Connection> connection, std::uint64_t number,
			   bool made, bool lease)
	: AddressSpaceCalls(std::move(connection), number), made_(made)
{
	if (!lease)
		return;
	this->connection()->leases().add(number);
	leased_ = true;
}

AddressSpace::AddressSpace(AddressSpace &&other) noexcept
	: AddressSpaceCalls(std::move(other)), made_(std::exchange(other.made_, false)),
	  leased_(std::exchange(other.leased_, false))
{
}

AddressSpace &AddressSpace::operator=(AddressSpace &&other) noexcept
{
	if (this == &other)
		return *this;
	end();
	AddressSpaceCalls::operator=(std::move(other));
	made_ = std::exchange(other.made_, false);
	leased_ = std::exchange(other.leased_, false);
	return *this;
}

AddressSpace::~AddressSpace()
{
	end();
}

/* A client that is closed, a server that is gone: its end comes without us. */
void AddressSpace::end() noexcept
{
	if (gone())
		return;
	try {
		if (made_)
			exit();
		else
			drop_lease();
	} catch (const std::exception &) {
		made_ = false;
	}
}

void AddressSpace::drop_lease()
{
	if (std::exchange(leased_, false))
		connection()->leases().drop(number());
}

void AddressSpace::exit(const CallOptions &options)
{
	connection()->leases().forget(number());
	leased_ = false;
	v1::ExitRequest request;
	request.set_mm(number());
	MemoryService(connection()).exit(request, options);
	made_ = false;
}

std::uint64_t AddressSpace::detach()
{
	drop_lease();
	made_ = false;
	return number();
}

void AddressSpace::share(const CallOptions &options)
{
	v1::ShareAddressSpaceRequest request;
	request.set_mm(number());
	MemoryService(connection()).share_address_space(request, options);
}

AddressSpace AddressSpace::fork(const CallOptions &options)
{
	v1::ForkAddressSpaceRequest request;
	request.set_mm(number());
	const auto rights = pkru();
	if (rights)
		request.set_pkru(*rights);
	const auto answer = MemoryService(connection()).fork_address_space(request, options);
	internal::check("fork", answer.errno_code());
	AddressSpace child(connection(), answer.mm(), true, true);
	child.set_pkru(rights);
	return child;
}

AddressSpace AddressSpace::exec(const SpaceOptions &given, bool shared, const CallOptions &options)
{
	v1::ExecRequest request;
	request.set_mm(number());
	request.set_mmap_base(given.mmap_base);
	request.set_start_brk(given.start_brk);
	request.set_brk(given.brk);
	request.set_maps(given.maps);
	request.set_ttl_ms(internal::milliseconds(given.ttl));
	request.set_shared(shared);
	const auto answer = MemoryService(connection()).exec(request, options);
	internal::check("exec", answer.errno_code());
	if (!shared) {
		connection()->leases().forget(number());
		made_ = leased_ = false;
	}
	return AddressSpace(connection(), answer.mm(), true, given.lease);
}

static v1::Access wire_access(std::uint32_t access)
{
	switch (access) {
	case FAULT_READ:
		return v1::ACCESS_READ;
	case FAULT_WRITE:
		return v1::ACCESS_WRITE;
	case FAULT_EXEC:
		return v1::ACCESS_EXEC;
	}
	throw RefusedError("access " + std::to_string(access) +
			   ": FAULT_READ, FAULT_WRITE or FAULT_EXEC is wanted");
}

Fault AddressSpace::fault(std::uint64_t addr, std::uint32_t access,
			  std::optional<std::uint64_t> word, const CallOptions &options)
{
	v1::FaultRequest request;
	request.set_mm(number());
	request.set_addr(addr);
	request.set_access(wire_access(access));
	if (word)
		request.set_word(*word);
	if (const auto rights = pkru())
		request.set_pkru(*rights);
	const auto answer = MemoryService(connection()).fault(request, options);
	if (answer.signal()) {
		std::optional<std::uint32_t> pkey;
		if (answer.has_pkey())
			pkey = answer.pkey();
		throw FaultError(answer.signal(), answer.si_code(), addr, pkey);
	}
	if (answer.userfault())
		throw UserFaultError(addr, answer.userfault_flags());
	internal::check("fault", answer.errno_code());
	return {answer.word(), answer.info()};
}

std::uint64_t AddressSpace::load(std::uint64_t addr, const CallOptions &options)
{
	return fault(addr, FAULT_READ, std::nullopt, options).word;
}

void AddressSpace::store(std::uint64_t addr, std::uint64_t word, const CallOptions &options)
{
	fault(addr, FAULT_WRITE, word, options);
}

std::uint64_t AddressSpace::map(std::uint64_t length, const CallOptions &options)
{
	return mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0, 0,
		    options);
}

std::uint64_t AddressSpace::process_madvise(const std::vector<Range> &ranges, std::uint32_t advice,
					    bool remote, const CallOptions &options)
{
	v1::ProcessMadviseRequest request;
	request.set_mm(number());
	request.set_advice(advice);
	request.set_remote(remote);
	for (const auto &one : ranges) {
		auto *part = request.add_ranges();
		part->set_addr(one.addr);
		part->set_length(one.length);
	}
	if (const auto rights = pkru())
		request.set_pkru(*rights);
	const auto answer = MemoryService(connection()).process_madvise(request, options);
	internal::check("process_madvise", answer.errno_code(), answer.advised());
	return answer.advised();
}

std::string AddressSpace::maps(const CallOptions &options)
{
	v1::GetMapsRequest request;
	request.set_mm(number());
	auto answer = InspectService(connection()).get_maps(request, options);
	return std::move(*answer.mutable_maps());
}

v1::VmaInfo AddressSpace::query_vma(std::uint64_t addr, std::uint32_t flags,
				    const CallOptions &options)
{
	v1::QueryVmaRequest request;
	request.set_mm(number());
	request.set_addr(addr);
	request.set_flags(flags);
	const auto answer = InspectService(connection()).query_vma(request, options);
	internal::check("query_vma", answer.errno_code());
	return answer.vma();
}

} // namespace vmalab

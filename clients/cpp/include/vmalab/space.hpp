// SPDX-License-Identifier: Apache-2.0
/* Address spaces as objects. The memory calls by their names are in the generated part. */
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmalab/calls_gen.hpp"
#include "vmalab/constants_gen.hpp"
#include "vmalab/options.hpp"
#include "vmalab/records.hpp"
#include "vmalab/v1/inspect.pb.h"
#include "vmalab/v1/memory.pb.h"

namespace vmalab
{

/** How a new address space begins. As it is made it is an empty one. */
struct SpaceOptions {
	/** Where top-down placement begins; 0: 0x7ffff7fff000, or what follows from maps. */
	std::uint64_t mmap_base = 0;
	/** The begin of the heap; 0: none, or as maps says. */
	std::uint64_t start_brk = 0;
	/** The program break; 0: none, or as maps says. */
	std::uint64_t brk = 0;
	/** A /proc/PID/maps text to begin with. */
	std::string maps;
	/** How long it lives without a lease; 0: the server's default. */
	std::chrono::nanoseconds ttl{0};
	/** false: without the lease that keeps it as long as the client lives. */
	bool lease = true;
	/** Limits and capabilities of its process; nothing: those of root. Not of exec. */
	std::optional<v1::ProcessSetup> setup;
};

/** An access that succeeded. */
struct Fault {
	/** The page's word after it. */
	std::uint64_t word;
	/** How it was done: FAULT_INFO_VMA_LOCK and so on. */
	std::uint32_t info;
};

/**
 * One emulated address space, as one thread of it sees it: its PKRU is the handle's own. It can be
 * moved and not be copied. Threads may share a handle that has no PKRU. The end of its scope ends
 * the address space if it was made (Client::create, fork, exec), and the lease if it is used
 * (Client::use). What fails then is not thrown.
 */
class AddressSpace : public AddressSpaceCalls
{
public:
	AddressSpace(AddressSpace &&other) noexcept;
	/** Ends what it was before. */
	AddressSpace &operator=(AddressSpace &&other) noexcept;
	~AddressSpace();

	/** Ends the address space now, for all who use it. */
	void exit(const CallOptions &options = {});
	/** Ends the lease, and gives the number: the address space ends with the last lease. */
	std::uint64_t detach();
	/** Lets all clients use it, for good. */
	void share(const CallOptions &options = {});
	/** Is fork(2): the child's address space, with a lease on it. */
	AddressSpace fork(const CallOptions &options = {});
	/** Is execve(2): the process goes on in a new address space, and this one ends. With shared
	 *  others run on in this one, as the parent does after vfork, and it stays.
	 */
	AddressSpace exec(const SpaceOptions &given = {}, bool shared = false,
			  const CallOptions &options = {});

	/** Touches a page as a load, a store or an instruction fetch would.
	 *
	 *  access: FAULT_READ, FAULT_WRITE or FAULT_EXEC.
	 *
	 *  word: is stored with FAULT_WRITE; nothing: the page keeps its word.
	 *
	 *  A signal is a FaultError.
	 */
	Fault fault(std::uint64_t addr, std::uint32_t access,
		    std::optional<std::uint64_t> word = std::nullopt,
		    const CallOptions &options = {});
	/** Reads the word of the page at addr. */
	std::uint64_t load(std::uint64_t addr, const CallOptions &options = {});
	/** Writes a word into the page at addr. */
	void store(std::uint64_t addr, std::uint64_t word, const CallOptions &options = {});
	/** Maps so many bytes of private memory that can be read and written, wherever there is
	 *  room.
	 */
	std::uint64_t map(std::uint64_t length, const CallOptions &options = {});
	/** Is process_madvise(2): how many bytes were advised.
	 *
	 *  remote: the caller is another process, which may give some advice only.
	 */
	std::uint64_t process_madvise(const std::vector<Range> &ranges, std::uint32_t advice,
				      bool remote = false, const CallOptions &options = {});

	/** The mappings as /proc/PID/maps shows them. */
	std::string maps(const CallOptions &options = {});
	/** The mapping that contains addr and has all that the flags (PROCMAP_QUERY_*) name. Where
	 *  there is none the error is ENOENT.
	 */
	v1::VmaInfo query_vma(std::uint64_t addr, std::uint32_t flags = 0,
			      const CallOptions &options = {});

private:
	friend class Client;
	AddressSpace(std::shared_ptr<internal::Connection> connection, std::uint64_t number,
		     bool made, bool lease);
	void end() noexcept;
	void drop_lease();

	bool made_;
	bool leased_ = false;
};

} // namespace vmalab

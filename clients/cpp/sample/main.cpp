// SPDX-License-Identifier: Apache-2.0
/*
 * A whole small program: it maps memory, shares it with a child by fork, fills it with a block of a
 * thousand stores, and reads the errors that an emulated program would get.
 *
 * usage: sample HOST:PORT
 */
#include <cstdint>
#include <iostream>
#include <string>

#include <vmalab/vmalab.hpp>

using vmalab::PAGE_BYTES;

static constexpr std::uint64_t PAGES = 1000;

/* Stores a word in each page, with one block. */
static void fill(vmalab::Client &client, const vmalab::AddressSpace &space, std::uint64_t addr)
{
	vmalab::BlockBuilder block;
	for (std::uint64_t page = 0; page < PAGES; page++)
		block.fault_store(space.number(), addr + page * PAGE_BYTES, 100 + page);
	const vmalab::Results results = client.apply(block);
	std::size_t good = 0;
	for (const vmalab::Result result : results)
		good += result.ok();
	std::cout << "block: " << good << " of " << results.size() << " stores\n";
}

/* Shows the three kinds of errors. */
static void refused(vmalab::AddressSpace &space, std::uint64_t addr)
{
	try {
		space.munmap(addr + 1, PAGE_BYTES);
	} catch (const vmalab::CallError &error) {
		const bool is = error.code() == std::errc::invalid_argument;
		std::cout << "munmap at an odd address: EINVAL " << is << "\n";
	}
	space.munmap(addr, PAGES * PAGE_BYTES);
	try {
		space.load(addr);
	} catch (const vmalab::FaultError &error) {
		std::cout << "load of what is gone: SIGSEGV " << (error.signal() == SIGSEGV)
			  << "\n";
	}
	space.exit();
	try {
		space.load(addr);
	} catch (const vmalab::NoSuchAddressSpace &) {
		std::cout << "after exit: no such address space " << true << "\n";
	}
}

static void run(const std::string &target)
{
	vmalab::Client client(target);
	vmalab::AddressSpace space = client.create();
	const std::uint64_t addr = space.map(PAGES * PAGE_BYTES);
	fill(client, space, addr);
	{
		vmalab::AddressSpace child = space.fork();
		child.store(addr, 1);
		std::cout << "after fork: parent " << space.load(addr) << ", child "
			  << child.load(addr) << "\n";
	}
	refused(space, addr);
}

int main(int count, char **arguments)
{
	if (count != 2) {
		std::cerr << "usage: sample HOST:PORT\n";
		return 2;
	}
	std::cout << std::boolalpha;
	try {
		run(arguments[1]);
	} catch (const vmalab::Error &error) {
		std::cerr << error.what() << "\n";
		return 1;
	}
	return 0;
}

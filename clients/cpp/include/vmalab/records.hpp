// SPDX-License-Identifier: Apache-2.0
/* The bytes of a block. BlockBuilder has the methods that put them together. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmalab/constants_gen.hpp"

namespace vmalab
{

/** A piece of an address space. */
struct Range {
	std::uint64_t addr;
	std::uint64_t length;
};

/** What all records have in common: BlockBuilder is one. */
class Records
{
public:
	/** What the caller has in PKRU: the records that are added from then on go with it, as far
	 *  as they take one. Nothing: as the address space has it.
	 */
	std::optional<std::uint32_t> pkru;

	/** The block as it is now. */
	const std::string &bytes() const noexcept { return raw_; }
	/** How many results the block will have. */
	std::size_t size() const noexcept { return results_; }
	/** Whether it has no record. */
	bool empty() const noexcept { return raw_.empty(); }
	/** Begins again, with the memory that is there. */
	void clear() noexcept
	{
		raw_.clear();
		results_ = 0;
	}

protected:
	/** The head of a record. */
	struct Head {
		Op op;
		bool takes_pkru;
		std::uint16_t flags;
		std::uint32_t how;
		std::uint64_t mm;
	};

	/** Adds a record of some words. */
	void put(const Head &head, std::initializer_list<std::uint64_t> words);
	/** Adds a record that ends with a text. Throws BadBlock. */
	void put_text(Head head, std::size_t most, std::string_view text,
		      std::initializer_list<std::uint64_t> words);
	/** Adds a record that ends with ranges. Throws BadBlock. */
	void put_ranges(Head head, std::size_t most, const std::vector<Range> &ranges,
			std::initializer_list<std::uint64_t> words);
	/** Adds as many records as the addresses need. */
	void put_each(const Head &head, std::size_t most, const std::vector<std::uint64_t> &addrs);

private:
	char *room(const Head &head, std::size_t words);
	void end(const Head &head, char *at, std::size_t results);

	std::string raw_;
	std::size_t results_ = 0;
};

} // namespace vmalab

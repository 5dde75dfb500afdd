// SPDX-License-Identifier: Apache-2.0
/* The bytes of a block. BlockBuilder has the methods that put them together. */
#pragma once

#include <endian.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmalab/constants_gen.hpp"

namespace vmalab
{

/* What a block needs for each of its records is in the headers: ten thousand calls of functions of
 * the library cost more than all else that a block takes.
 */
namespace internal
{

inline constexpr std::size_t WORD_BYTES = 8;
inline constexpr std::size_t HEADER_WORDS = 2;

inline char *put_word(char *at, std::uint64_t word) noexcept
{
	const std::uint64_t little = htole64(word);
	std::memcpy(at, &little, WORD_BYTES);
	return at + WORD_BYTES;
}

inline std::uint64_t get_word(const char *at) noexcept
{
	std::uint64_t little;
	std::memcpy(&little, at, WORD_BYTES);
	return le64toh(little);
}

/** Bytes at whose end there is always room for more, which is not cleared before. */
class Bytes
{
public:
	Bytes() = default;
	Bytes(const Bytes &) = default;
	Bytes &operator=(const Bytes &) = default;
	Bytes(Bytes &&other) noexcept
		: memory_(std::move(other.memory_)), used_(std::exchange(other.used_, 0))
	{
	}
	Bytes &operator=(Bytes &&other) noexcept
	{
		memory_ = std::move(other.memory_);
		used_ = std::exchange(other.used_, 0);
		return *this;
	}

	/** Adds so many bytes; where they go. */
	char *add(std::size_t count)
	{
		if (memory_.size() - used_ < count)
			grow(count);
		char *const at = memory_.data() + used_;
		used_ += count;
		return at;
	}
	/** All of them. */
	std::string_view view() const noexcept { return {memory_.data(), used_}; }
	/** None of them, and the memory stays. */
	void clear() noexcept { used_ = 0; }

private:
	void grow(std::size_t count);

	std::string memory_;
	std::size_t used_ = 0;
};

} // namespace internal

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

	/** The block as it is now; another record, and clear, end what this shows. */
	std::string_view bytes() const noexcept { return raw_.view(); }
	/** How many results the block will have. */
	std::size_t size() const noexcept { return results_; }
	/** Whether it has no record. */
	bool empty() const noexcept { return raw_.view().empty(); }
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
	void put(const Head &head, std::initializer_list<std::uint64_t> words)
	{
		char *at = room(head, words.size());
		for (const auto word : words)
			at = internal::put_word(at, word);
		end(head, at, 1);
	}
	/** Adds a record that ends with a text. Throws BadBlock. */
	void put_text(Head head, std::size_t most, std::string_view text,
		      std::initializer_list<std::uint64_t> words);
	/** Adds a record that ends with ranges. Throws BadBlock. */
	void put_ranges(Head head, std::size_t most, const std::vector<Range> &ranges,
			std::initializer_list<std::uint64_t> words);
	/** Adds as many records as the addresses need. */
	void put_each(const Head &head, std::size_t most, const std::vector<std::uint64_t> &addrs);

private:
	/** Begins a record of so many words behind its header; where they go. */
	char *room(const Head &head, std::size_t words)
	{
		const bool extra = head.takes_pkru && pkru;
		const std::size_t total = internal::HEADER_WORDS + words + extra;
		const auto flags = std::uint64_t{head.flags | (extra ? RECORD_PKRU : 0u)};
		char *at = raw_.add(total * internal::WORD_BYTES);
		at = internal::put_word(at, static_cast<std::uint64_t>(head.op) | total << 8 |
						    flags << 16 | std::uint64_t{head.how} << 32);
		return internal::put_word(at, head.mm);
	}
	/** Adds the caller's PKRU, the last word of a record that takes it. */
	void end(const Head &head, char *at, std::size_t results)
	{
		if (head.takes_pkru && pkru)
			internal::put_word(at, *pkru);
		results_ += results;
	}

	internal::Bytes raw_;
	std::size_t results_ = 0;
};

} // namespace vmalab

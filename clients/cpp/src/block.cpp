// SPDX-License-Identifier: Apache-2.0
/* Blocks as bytes: docs/block-format.md. What each record needs is in the headers. */
#include "vmalab/block.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "vmalab/errors.hpp"

namespace vmalab
{

using internal::put_word;
using internal::WORD_BYTES;

namespace
{

/* The lowest bit of a mask that has one. */
constexpr std::uint32_t lowest(std::uint32_t mask)
{
	return mask & (~mask + 1);
}

[[noreturn]] void refuse(const char *what, std::size_t got, std::size_t most)
{
	throw BadBlock(std::string(what) + ": " + std::to_string(got) + ", at most " +
		       std::to_string(most));
}

} // namespace

void internal::Bytes::grow(std::size_t count)
{
	memory_.resize(std::max(used_ + count, 2 * memory_.size()));
}

void Records::put_text(Head head, std::size_t most, std::string_view text,
		       std::initializer_list<std::uint64_t> words)
{
	if (text.size() > most)
		refuse("bytes of a text", text.size(), most);
	const std::size_t padded = (text.size() + WORD_BYTES - 1) / WORD_BYTES;
	head.flags = static_cast<std::uint16_t>(text.size());
	char *at = room(head, words.size() + padded);
	for (const auto word : words)
		at = put_word(at, word);
	if (padded) {
		put_word(at + (padded - 1) * WORD_BYTES, 0);
		std::memcpy(at, text.data(), text.size());
	}
	end(head, at + padded * WORD_BYTES, 1);
}

void Records::put_ranges(Head head, std::size_t most, const std::vector<Range> &ranges,
			 std::initializer_list<std::uint64_t> words)
{
	if (ranges.size() > most)
		refuse("ranges", ranges.size(), most);
	head.flags = static_cast<std::uint16_t>(ranges.size());
	char *at = room(head, words.size() + 2 * ranges.size());
	for (const auto word : words)
		at = put_word(at, word);
	for (const auto &one : ranges)
		at = put_word(put_word(at, one.addr), one.length);
	end(head, at, 1);
}

void Records::put_each(const Head &head, std::size_t most, const std::vector<std::uint64_t> &addrs)
{
	if (head.takes_pkru && pkru)
		most--;
	for (std::size_t first = 0; first < addrs.size(); first += most) {
		const std::size_t count = std::min(most, addrs.size() - first);
		char *at = room(head, count);
		for (std::size_t i = first; i < first + count; i++)
			at = put_word(at, addrs[i]);
		end(head, at, count);
	}
}

std::optional<std::uint32_t> Result::pkey() const noexcept
{
	if (status <= 0 || si_code() != SEGV_PKUERR)
		return std::nullopt;
	return (info & FAULT_INFO_PKEY) / lowest(FAULT_INFO_PKEY);
}

std::optional<std::uint32_t> Result::userfault() const noexcept
{
	if (!is(Status::Userfault))
		return std::nullopt;
	constexpr std::uint32_t all = UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP |
				      UFFD_PAGEFAULT_FLAG_MINOR;
	return info / FAULT_INFO_USER_WRITE & all;
}

Results::Results(std::string raw) : raw_(std::move(raw))
{
	if (raw_.size() % BYTES)
		throw BadBlock(std::to_string(raw_.size()) + " bytes of results: no multiple of " +
			       std::to_string(BYTES));
}

} // namespace vmalab

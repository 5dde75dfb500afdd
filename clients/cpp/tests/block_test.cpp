// SPDX-License-Identifier: Apache-2.0
/* The bytes of blocks and results. */
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <vmalab/vmalab.hpp>

static std::string hex(std::string_view raw)
{
	static const char digits[] = "0123456789abcdef";
	std::string text;
	for (const char one : raw) {
		const auto byte = static_cast<unsigned char>(one);
		text += {digits[byte >> 4], digits[byte & 15]};
	}
	return text;
}

static std::string unhex(const std::string &text)
{
	std::string raw;
	for (std::size_t i = 0; i < text.size(); i += 2)
		raw += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
	return raw;
}

TEST(Block, IsTheExampleOfThePage)
{
	vmalab::BlockBuilder block;
	block.mmap(0x10001, 0x20000000, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, 0, 0, 0);
	block.fault_store(0x10001, 0x20000000, 42);
	EXPECT_EQ(hex(block.bytes()), "02070000000000000100010000000000"
				      "00000020000000000010000000000000"
				      "03000000320000000000000000000000"
				      "00000000000000000104050000000000"
				      "01000100000000000000002000000000"
				      "2a00000000000000");
	EXPECT_EQ(block.size(), 2u);
}

TEST(Block, PkruIsTheLastWordOfRecordsThatTakeIt)
{
	vmalab::BlockBuilder block;
	block.pkru = vmalab::PKRU_START;
	block.munmap(1, 0, 4096);
	const auto plain = block.bytes().size();
	block.fault(1, 0, vmalab::FAULT_READ);
	EXPECT_EQ(plain, 32u);
	EXPECT_EQ(hex(block.bytes().substr(plain)), "01040080000000000100000000000000"
						    "00000000000000005455555500000000");
}

TEST(Block, FaultsAreSplitIntoRecords)
{
	constexpr auto most = vmalab::FAULTS_MAX;
	vmalab::BlockBuilder block;
	block.faults(1, std::vector<std::uint64_t>(most + 1), vmalab::FAULT_READ);
	EXPECT_EQ(block.size(), most + 1);
	EXPECT_EQ(block.bytes().size(), 8 * (2 * 2 + most + 1));
	block.clear();
	block.pkru = 0;
	block.faults(1, std::vector<std::uint64_t>(most), vmalab::FAULT_READ);
	EXPECT_EQ(block.bytes().size(), 8 * (2 * 3 + most));
}

TEST(Block, IsWhatWasPutIntoTheSameMemoryLast)
{
	vmalab::BlockBuilder block, fresh;
	for (int i = 0; i < 100; i++)
		block.munmap(~0ull, ~0ull, ~0ull);
	block.clear();
	EXPECT_TRUE(block.empty());
	for (auto *one : {&block, &fresh}) {
		one->nop(); /* the text comes to where a word of ones was */
		one->set_vma_name(1, 0, 4096, "heap");
		one->set_vma_name(1, 0, 4096, "");
		one->process_madvise(1, MADV_COLD, false, {{0, 4096}});
	}
	EXPECT_EQ(hex(block.bytes()), hex(fresh.bytes()));
	const vmalab::BlockBuilder copy = block;
	const vmalab::BlockBuilder moved = std::move(block);
	EXPECT_EQ(hex(copy.bytes()), hex(fresh.bytes()));
	EXPECT_EQ(hex(moved.bytes()), hex(fresh.bytes()));
}

TEST(Block, WhatCannotBeIsNotAdded)
{
	vmalab::BlockBuilder block;
	const std::string name(vmalab::NAME_BYTES_MAX + 1, 'x');
	EXPECT_THROW(block.set_vma_name(1, 0, 4096, name), vmalab::BadBlock);
	EXPECT_TRUE(block.empty());
	block.set_vma_name(1, 0, 4096, "heap");
	EXPECT_EQ(block.bytes().size(), 40u);
	const std::vector<vmalab::Range> ranges(vmalab::RANGES_MAX + 1);
	EXPECT_THROW(block.process_madvise(1, MADV_COLD, false, ranges), vmalab::BadBlock);
	EXPECT_EQ(block.size(), 1u);
}

TEST(Results, AreReadWithACursor)
{
	/* A load under the VMA lock; EINVAL; SIGSEGV with SEGV_PKUERR by key 1; a userfaultfd. */
	const vmalab::Results results(unhex("00000000000100002a00000000000000"
					    "eaffffff000000000000000000000000"
					    "0b000000040010000000000000000000"
					    "13fcffff000005000000000000000000"));
	ASSERT_EQ(results.size(), 4u);
	EXPECT_TRUE(results[0].ok());
	EXPECT_EQ(results[0].value, 42u);
	EXPECT_EQ(results[0].info, vmalab::FAULT_INFO_VMA_LOCK);
	EXPECT_EQ(results[1].error_number(), EINVAL);
	EXPECT_EQ(results[1].signal(), 0);
	EXPECT_EQ(results[2].signal(), SIGSEGV);
	EXPECT_EQ(results[2].si_code(), SEGV_PKUERR);
	EXPECT_EQ(results[2].pkey(), 1u);
	EXPECT_EQ(results[2].error_number(), 0);
	EXPECT_TRUE(results[3].is(vmalab::Status::Userfault));
	EXPECT_EQ(results[3].error_number(), 0);
	EXPECT_EQ(results[3].userfault(), vmalab::UFFD_PAGEFAULT_FLAG_WP);
	int good = 0;
	for (const vmalab::Result result : results)
		good += result.ok();
	EXPECT_EQ(good, 1);
}

TEST(Results, AreSixteenBytesEach)
{
	EXPECT_THROW(vmalab::Results(std::string(47, '\0')), vmalab::BadBlock);
}

TEST(Constants, HaveTheirNames)
{
	EXPECT_EQ(vmalab::constant("MAP_FIXED_NOREPLACE"), std::uint64_t{MAP_FIXED_NOREPLACE});
	EXPECT_EQ(vmalab::constant("FAULT_WRITE"), std::uint64_t{vmalab::FAULT_WRITE});
	EXPECT_EQ(static_cast<std::int64_t>(*vmalab::constant("STATUS_NO_SUCH_MM")),
		  static_cast<std::int64_t>(vmalab::Status::NoSuchMm));
	EXPECT_FALSE(vmalab::constant("NO_SUCH_CONSTANT"));
}

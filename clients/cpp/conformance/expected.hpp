// SPDX-License-Identifier: Apache-2.0
/* Whether an answer is what a step expects. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <vmalab/vmalab.hpp>

#include "values.hpp"

namespace conformance
{

/** What a step gave: what a case may ask of it. */
struct Answer {
	std::uint64_t value = 0;
	std::string text;
	std::vector<std::string> names;
	std::size_t count = 0;
	std::vector<std::uint64_t> values;
	json fields = json::object();
	std::vector<vmalab::Result> results;
	std::uint64_t executed = 0;
	std::vector<std::uint32_t> places;
};

/** The answer of a list: the first one's fields, and one field of each as its name. */
template <typename List>
Answer rows(const List &list, const char *name)
{
	Answer got;
	for (const auto &one : list) {
		const auto fields = fields_of(one);
		if (!got.count++)
			got.fields = fields;
		got.names.push_back(text_of(fields[name]));
	}
	return got;
}

/** Throws Mismatch if an answer is not the one that a step expects. */
void judge(const json &step, const Answer &got, const Variables &variables);
/** The same of its fields alone. */
void judge_fields(const json &step, const json &fields, const Variables &variables);
/** The same of an error. */
void judge_failure(const json &step, const vmalab::Error &error, const Variables &variables);
/** The same of a block. Keeps what the expected results save. */
void judge_block(const json &step, const Answer &got, Variables &variables);

} // namespace conformance

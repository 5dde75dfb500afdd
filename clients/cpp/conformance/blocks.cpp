// SPDX-License-Identifier: Apache-2.0
/* Blocks: from the records of a step to results. */
#include <string>
#include <utility>

#include "names_gen.hpp"
#include "running.hpp"

namespace conformance
{

namespace
{

/* The arguments of a record as a case has them; nothing is 0. */
class Given
{
public:
	Given(const Running &running, const json &record, std::uint64_t moved)
		: running_(running), record_(record), moved_(moved)
	{
	}

	std::uint64_t u64(const char *name) const
	{
		const auto value = running_.number(record_, name);
		return name == std::string("addr") ? value + moved_ : value;
	}
	std::uint32_t u32(const char *name) const { return static_cast<std::uint32_t>(u64(name)); }
	std::int32_t s32(const char *name) const { return static_cast<std::int32_t>(u64(name)); }
	bool flag(const char *name) const { return u64(name) != 0; }
	std::string text(const char *name) const { return conformance::text(record_, name); }
	std::vector<vmalab::Range> ranges(const char *name) const
	{
		return running_.ranges(member(record_, name));
	}
	std::vector<std::uint64_t> addresses(const char *name) const
	{
		std::vector<std::uint64_t> found;
		for (const auto &one : ranges(name))
			found.push_back(one.addr);
		return found;
	}

private:
	const Running &running_;
	const json &record_;
	const std::uint64_t moved_;
};

std::string from_hex(const std::string &digits)
{
	std::string raw;
	for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
		raw += static_cast<char>(std::stoul(digits.substr(i, 2), nullptr, 16));
	return raw;
}

std::vector<vmalab::Result> collected(const vmalab::Results &results)
{
	return {results.begin(), results.end()};
}

/* Sends a block several times, with the window kept full; the last results. */
std::vector<vmalab::Result> streamed(vmalab::Batch &batch, const std::string &raw,
				     std::uint64_t times)
{
	std::vector<vmalab::Result> last;
	for (std::uint64_t sent = 0; sent < times || batch.outstanding();) {
		if (sent < times && !batch.full()) {
			batch.send_bytes(raw);
			sent++;
			continue;
		}
		last = collected(batch.receive());
	}
	return last;
}

} // namespace

std::string Running::block_of(const json &step)
{
	vmalab::BlockBuilder block;
	if (step.contains("pkru"))
		block.pkru = static_cast<std::uint32_t>(number(step["pkru"]));
	const std::uint64_t repeat = step.contains("repeat") ? number(step["repeat"]) : 1;
	const std::uint64_t stride = step.contains("repeat") ? number(step, "stride") : 0;
	for (std::uint64_t i = 0; i < repeat; i++)
		for (const auto &one : step["records"]) {
			auto key = text(one, "op");
			if (key == "FAULT" && one.contains("word"))
				key += "_STORE";
			Given given(*this, one, i * stride);
			if (!record(block, key, given))
				throw Mismatch("there is no record " + key);
		}
	return std::string(block.bytes());
}

Running::Found Running::do_block(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	if (what != "block" && what != "raw_block")
		return std::nullopt;
	const auto raw = what == "block" ? block_of(step) : from_hex(text(step, "hex"));
	auto &asked = client(step);
	const auto via = text(step, "via", "apply");
	Answer got;
	if (via == "apply") {
		got.results = collected(asked.apply_bytes(raw, options));
		return got;
	}
	auto batch = asked.batch(vmalab::WINDOW_DEFAULT, options);
	if (via == "failed") {
		batch.send_bytes(raw, true);
		const auto failed = batch.receive_failed();
		got.results = collected(failed.results);
		got.executed = failed.executed;
		got.places = failed.places;
		return got;
	}
	got.results = streamed(batch, raw, step.contains("times") ? number(step["times"]) : 1);
	return got;
}

} // namespace conformance

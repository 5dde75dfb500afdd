// SPDX-License-Identifier: Apache-2.0
/* Address spaces, files, and what a case waits for. */
#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "running.hpp"

namespace conformance
{

using Guard = std::lock_guard<std::recursive_mutex>;
using google::protobuf::FieldDescriptor;

static std::chrono::milliseconds milliseconds(std::uint64_t count)
{
	return std::chrono::milliseconds(count);
}

static Answer valued(std::uint64_t value)
{
	Answer got;
	got.value = value;
	return got;
}

vmalab::AddressSpace &Running::space(const json &step)
{
	const Guard guard(mutex_);
	const auto found = spaces_.find(text(step, "mm", "a"));
	if (found == spaces_.end())
		throw Mismatch("there is no address space " + text(step, "mm", "a"));
	return found->second->one;
}

Answer Running::keep(const json &step, vmalab::AddressSpace one)
{
	const Guard guard(mutex_);
	auto kept = std::make_unique<Space>(Space{client_name(step), std::move(one)});
	spaces_[text(step, "as")] = kept.get();
	made_.push_back(std::move(kept));
	return valued(made_.back()->one.number());
}

std::vector<vmalab::Range> Running::ranges(const json &given) const
{
	std::vector<vmalab::Range> found;
	if (given.is_array()) {
		for (const auto &pair : given)
			found.push_back({number(pair[0]), number(pair[1])});
		return found;
	}
	for (std::uint64_t i = 0; i < number(given, "count"); i++)
		found.push_back(
			{number(given, "from") + i * number(given, "stride"), vmalab::PAGE_BYTES});
	return found;
}

vmalab::SpaceOptions Running::space_options(const json &step)
{
	vmalab::SpaceOptions made;
	made.mmap_base = number(step, "mmap_base");
	made.start_brk = number(step, "start_brk");
	made.brk = number(step, "brk");
	made.maps = text(step, "maps");
	made.ttl = milliseconds(number(step, "ttl_ms"));
	made.lease = !is(step, "hold", false);
	if (!step.contains("setup"))
		return made;
	vmalab::v1::ProcessSetup setup;
	for (const auto &[name, given] : step["setup"].items()) {
		const auto *field = setup.GetDescriptor()->FindFieldByName(name);
		if (!field)
			throw Mismatch("there is no setup " + name);
		const auto value = number(given);
		if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL)
			setup.GetReflection()->SetBool(&setup, field, value != 0);
		else if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32)
			setup.GetReflection()->SetUInt32(&setup, field,
							 static_cast<std::uint32_t>(value));
		else
			setup.GetReflection()->SetUInt64(&setup, field, value);
	}
	made.setup = setup;
	return made;
}

Running::Found Running::do_space(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	if (what == "create")
		return keep(step, client(step).create(space_options(step), options));
	if (what == "use") {
		const auto mm = number(step, "mm");
		auto &user = client(step);
		return keep(step,
			    is(step, "hold", false) ? user.use_without_lease(mm) : user.use(mm));
	}
	if (what == "fork")
		return keep(step, space(step).fork(options));
	if (what == "exec") {
		const bool shared = number(step, "shared") != 0;
		return keep(step, space(step).exec(space_options(step), shared, options));
	}
	if (what == "exit") {
		space(step).exit(options);
		return Answer();
	}
	if (what == "end") { /* a handle that is moved from has no end of its own */
		const auto ended = std::move(space(step));
		return Answer();
	}
	if (what == "detach")
		return valued(space(step).detach());
	if (what == "share") {
		space(step).share(options);
		return Answer();
	}
	return std::nullopt;
}

Running::Found Running::do_memory(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	Answer got;
	if (what == "fault") {
		std::optional<std::uint64_t> word;
		if (step.contains("word"))
			word = number(step["word"]);
		const auto access = static_cast<std::uint32_t>(number(step, "access"));
		const auto fault = space(step).fault(number(step, "addr"), access, word, options);
		got.value = fault.word;
		got.fields["info"] = fault.info;
		return got;
	}
	if (what == "process_madvise") {
		const auto advice = static_cast<std::uint32_t>(number(step, "advice"));
		const bool remote = number(step, "remote") != 0;
		return valued(space(step).process_madvise(ranges(member(step, "ranges")), advice,
							  remote, options));
	}
	if (what == "maps") {
		got.text = space(step).maps(options);
		return got;
	}
	if (what == "query_vma") {
		const auto flags = static_cast<std::uint32_t>(number(step, "flags"));
		got.fields = fields_of(space(step).query_vma(number(step, "addr"), flags, options));
		return got;
	}
	return std::nullopt;
}

Running::Found Running::do_file(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	const auto value = [&](const char *name) { return number(step, name); };
	if (what == "open_file") {
		vmalab::FileOptions file;
		file.dev_major = static_cast<std::uint32_t>(value("dev_major"));
		file.dev_minor = static_cast<std::uint32_t>(value("dev_minor"));
		file.ino = value("ino");
		file.size_bytes = value("size_bytes");
		file.name = text(step, "name");
		file.ttl = milliseconds(value("ttl_ms"));
		file.lease = !is(step, "hold", false);
		return valued(client(step).open_file(file, options));
	}
	if (what == "close_file")
		return client(step).close_file(value("file"), options), Answer();
	if (what == "wait_closed") {
		until("the end of the file", [&] {
			try {
				client(step).truncate_file(value("file"), 0);
			} catch (const vmalab::CallError &error) {
				return error.error_number() == EBADF;
			}
			return false;
		});
		return Answer();
	}
	if (what == "share_file")
		return client(step).share_file(value("file"), options), Answer();
	if (what == "truncate_file") {
		client(step).truncate_file(value("file"), value("size_bytes"), options);
		return Answer();
	}
	if (what == "allocate_file") {
		const auto mode = static_cast<std::uint32_t>(value("mode"));
		client(step).allocate_file(value("file"), mode, value("offset"), value("length"),
					   options);
		return Answer();
	}
	if (what == "keep_alive") {
		std::vector<std::uint64_t> mms;
		for (const auto &one : step["mms"])
			mms.push_back(number(one));
		Answer got;
		got.values = client(step).keep_alive(mms, milliseconds(value("ttl_ms")), options);
		return got;
	}
	return std::nullopt;
}

Answer Running::address_space(const json &step)
{
	const auto mm = space(step).number();
	const auto listed = client(step).inspect().list_address_spaces();
	for (const auto &one : listed.address_spaces())
		if (one.mm() == mm) {
			Answer got;
			got.fields = fields_of(one);
			return got;
		}
	throw Mismatch("address space " + std::to_string(mm) + " is not listed");
}

Running::Found Running::do_wait(const json &step, const Options &)
{
	const auto what = text(step, "do");
	Answer got;
	if (what == "wait_lease") {
		try {
			client(step).wait_lease(space(step).number(), PATIENCE);
		} catch (const vmalab::Closed &) {
			throw;
		} catch (const vmalab::Error &error) {
			throw Mismatch(std::string("the lease was not confirmed: ") + error.what());
		}
		return got;
	}
	if (what == "wait_lost") {
		const auto mm = space(step).number();
		until("the loss of the lease", [&] {
			const auto lost = client(step).lost();
			return std::find(lost.begin(), lost.end(), mm) != lost.end();
		});
		return got;
	}
	if (what == "wait_gone") {
		until("the end of the address space", [&] {
			try {
				space(step).maps();
			} catch (const vmalab::NoSuchAddressSpace &) {
				return true;
			} catch (const vmalab::Error &) {
				return false;
			}
			return false;
		});
		return got;
	}
	if (what != "wait_field" && what != "wait_locks")
		return std::nullopt;
	until(what == "wait_locks" ? "the locks" : step["fields"].dump(), [&] {
		try {
			if (what == "wait_locks")
				got = rows(client(step).inspect().list_locks().locks(), "state");
			else
				got = address_space(step);
			judge(step, got, variables_);
		} catch (const vmalab::ServiceError &) {
			return false;
		} catch (const Mismatch &) {
			return false;
		}
		return true;
	});
	return got;
}

Running::Found Running::do_task(const json &step, const Options &)
{
	const auto what = text(step, "do");
	if (what == "join") {
		auto &answer = tasks_.at(text(step, "task")).answer;
		if (answer.wait_for(PATIENCE) != std::future_status::ready)
			throw Mismatch("the task does not end");
		return answer.get();
	}
	if (what == "cancel") {
		tasks_.at(text(step, "task")).token.cancel();
		return Answer();
	}
	if (what == "sleep") {
		std::this_thread::sleep_for(milliseconds(number(step, "ms")));
		return Answer();
	}
	if (what == "until_refused")
		return until_refused(step);
	return std::nullopt;
}

Answer Running::until_refused(const json &step)
{
	auto &asked = client(step);
	const bool spaces = text(step, "what") == "create";
	std::vector<vmalab::AddressSpace> made;
	std::vector<vmalab::Batch> opened;
	vmalab::BlockBuilder nop;
	nop.nop();
	vmalab::SpaceOptions no_lease;
	no_lease.lease = false;
	for (std::uint64_t count = 0; count < 10000; count++) {
		try {
			if (spaces) {
				made.push_back(asked.create(no_lease));
				continue;
			}
			opened.push_back(asked.batch());
			opened.back().send(nop);
			opened.back().receive();
		} catch (const vmalab::Error &error) {
			if (count >= number(step, "at_least"))
				throw;
			throw Mismatch("it was refused after " + std::to_string(count) + ": " +
				       error.what());
		}
	}
	throw Mismatch("it was never refused");
}

} // namespace conformance

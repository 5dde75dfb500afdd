// SPDX-License-Identifier: Apache-2.0
/* A look inside, and the lab. */
#include <utility>

#include "running.hpp"

namespace conformance
{

namespace v1 = vmalab::v1;

template <typename Table>
static json table(const Table &counters)
{
	json found = json::object();
	for (const auto &[name, count] : counters)
		found[name] = count;
	return found;
}

template <typename Names>
static Answer named(const Names &names)
{
	Answer got;
	got.names.assign(names.begin(), names.end());
	got.count = got.names.size();
	return got;
}

Running::Found Running::do_inspection(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	if (what == "address_space")
		return address_space(step);
	Answer got;
	if (what == "server_info")
		got.fields = fields_of(client(step).inspect().get_server_info({}, options));
	else if (what == "workers")
		got = rows(client(step).inspect().list_workers({}, options).workers(), "state");
	else if (what == "slabinfo")
		got = rows(client(step).inspect().get_slabinfo({}, options).caches(), "name");
	else if (what == "vmstat")
		got.fields = table(client(step).inspect().get_vmstat({}, options).counters());
	else if (what == "participants")
		got = rows(client(step).inspect().list_participants({}, options).participants(),
			   "role");
	else if (what == "layout")
		got = rows(client(step).inspect().get_layout({}, options).structs(), "name");
	else if (what == "health")
		got.text = client(step).health(text(step, "service"), options);
	else if (what != "fsck")
		return std::nullopt;
	if (what == "fsck") {
		v1::FsckRequest request;
		request.set_stop(is(step, "stop", true));
		got = named(client(step).inspect().fsck(request, options).problems());
	}
	return got;
}

Running::Found Running::do_lab(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	const auto point = text(step, "point");
	const auto value = [&](const char *name) {
		return static_cast<std::uint32_t>(number(step, name));
	};
	if (what == "list_points")
		return rows(client(step).lab().list_points({}, options).points(), "name");
	if (what == "arm_point") {
		v1::ArmPointRequest request;
		request.set_point(point);
		request.set_mm(number(step, "mm"));
		request.set_count(value("calls"));
		request.set_hold_ms(value("hold_ms"));
		client(step).lab().arm_point(request, options);
		return Answer();
	}
	if (what == "wait_point") {
		v1::WaitPointRequest request;
		request.set_point(point);
		request.set_timeout_ms(value("timeout_ms"));
		return rows(client(step).lab().wait_point(request, options).holders(), "op");
	}
	if (what == "release_point") {
		v1::ReleasePointRequest request;
		request.set_point(point);
		request.set_disarm(is(step, "disarm", true));
		Answer got;
		got.value = client(step).lab().release_point(request, options).released();
		return got;
	}
	if (what == "set_delays") {
		v1::SetDelaysRequest request;
		request.set_seed(number(step, "seed"));
		request.set_one_in(value("one_in"));
		request.set_us_max(value("us_max"));
		client(step).lab().set_delays(request, options);
		return Answer();
	}
	if (what == "get_coverage") {
		Answer got;
		got.fields = table(client(step).lab().get_coverage({}, options).passed());
		return got;
	}
	return std::nullopt;
}

Running::Found Running::do_mutants(const json &step, const Options &options)
{
	const auto what = text(step, "do");
	if (what == "list_mutants")
		return rows(client(step).lab().list_mutants({}, options).mutants(), "full_name");
	if (what == "set_mutants") {
		v1::SetMutantsRequest request;
		for (const auto &name : member(step, "names"))
			request.add_names(text_of(name));
		client(step).lab().set_mutants(request, options);
		return Answer();
	}
	if (what == "get_mutants")
		return named(client(step).lab().get_mutants({}, options).full_names());
	if (what == "list_scenarios")
		return rows(client(step).lab().list_scenarios({}, options).scenarios(), "name");
	if (what != "run_scenario")
		return std::nullopt;
	v1::RunScenarioRequest request;
	request.set_name(text(step, "name"));
	request.set_strategy(text(step, "strategy"));
	request.set_mutant(text(step, "mutant"));
	request.set_schedules(number(step, "schedules"));
	request.set_seed(number(step, "seed"));
	request.set_time_ms(static_cast<std::uint32_t>(number(step, "time_ms")));
	Answer got;
	got.fields = fields_of(client(step).lab().run_scenario(request, options));
	return got;
}

} // namespace conformance

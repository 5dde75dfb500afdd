// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"vmalab.dev/go"
	"vmalab.dev/go/vmalabpb"
)

func (r *running) doInspection(ctx context.Context, s step) (*answer, error) {
	do := s.text("do", "")
	kinds := map[string]func(context.Context, *vmalab.Client, step) (*answer, error){
		"server_info": serverInfo, "workers": workers, "slabinfo": slabinfo, "vmstat": vmstat,
		"participants": participants, "layout": layout, "fsck": fsck, "health": health,
	}
	if do == "address_space" {
		return r.addressSpace(ctx, s)
	}
	kind, known := kinds[do]
	if !known {
		return nil, nil
	}
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	return kind(ctx, client, s)
}

func serverInfo(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.GetServerInfo(ctx, &vmalabpb.GetServerInfoRequest{})
	if err != nil {
		return nil, err
	}
	return &answer{fields: fieldsOf(found)}, nil
}

func workers(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.ListWorkers(ctx, &vmalabpb.ListWorkersRequest{})
	return rows(found.GetWorkers(), "state"), err
}

func slabinfo(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.GetSlabinfo(ctx, &vmalabpb.GetSlabinfoRequest{})
	return rows(found.GetCaches(), "name"), err
}

func vmstat(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.GetVmstat(ctx, &vmalabpb.GetVmstatRequest{})
	return &answer{fields: table(found.GetCounters())}, err
}

func table(counters map[string]uint64) map[string]any {
	found := map[string]any{}
	for name, count := range counters {
		found[name] = count
	}
	return found
}

func participants(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.ListParticipants(ctx, &vmalabpb.ListParticipantsRequest{})
	return rows(found.GetParticipants(), "role"), err
}

func layout(ctx context.Context, client *vmalab.Client, _ step) (*answer, error) {
	found, err := client.Inspect.GetLayout(ctx, &vmalabpb.GetLayoutRequest{})
	return rows(found.GetStructs(), "name"), err
}

func fsck(ctx context.Context, client *vmalab.Client, s step) (*answer, error) {
	found, err := client.Inspect.Fsck(ctx, &vmalabpb.FsckRequest{Stop: s["stop"] == true})
	return &answer{names: found.GetProblems(), count: len(found.GetProblems())}, err
}

func health(ctx context.Context, client *vmalab.Client, s step) (*answer, error) {
	text, err := client.Health(ctx, s.text("service", ""))
	return &answer{text: text}, err
}

func (r *running) doLab(ctx context.Context, s step) (*answer, error) {
	value := func(name string) uint64 { return r.number(s.text(name, "0")) }
	client, err := r.client(ctx, s)
	if err != nil {
		return nil, err
	}
	lab := client.Lab
	switch s["do"] {
	case "list_points":
		found, err := lab.ListPoints(ctx, &vmalabpb.ListPointsRequest{})
		return rows(found.GetPoints(), "name"), err
	case "arm_point":
		_, err := lab.ArmPoint(ctx, &vmalabpb.ArmPointRequest{
			Point: s.text("point", ""), Mm: value("mm"), Count: uint32(value("calls")), HoldMs: uint32(value("hold_ms")),
		})
		return &answer{}, err
	case "wait_point":
		request := &vmalabpb.WaitPointRequest{Point: s.text("point", ""), TimeoutMs: uint32(value("timeout_ms"))}
		found, err := lab.WaitPoint(ctx, request)
		return rows(found.GetHolders(), "op"), err
	case "release_point":
		request := &vmalabpb.ReleasePointRequest{Point: s.text("point", ""), Disarm: s["disarm"] == true}
		found, err := lab.ReleasePoint(ctx, request)
		return &answer{value: uint64(found.GetReleased())}, err
	case "set_delays":
		_, err := lab.SetDelays(ctx, &vmalabpb.SetDelaysRequest{
			Seed: value("seed"), OneIn: uint32(value("one_in")), UsMax: uint32(value("us_max")),
		})
		return &answer{}, err
	case "get_coverage":
		found, err := lab.GetCoverage(ctx, &vmalabpb.GetCoverageRequest{})
		return &answer{fields: table(found.GetPassed())}, err
	case "list_mutants":
		found, err := lab.ListMutants(ctx, &vmalabpb.ListMutantsRequest{})
		return rows(found.GetMutants(), "full_name"), err
	case "set_mutants":
		_, err := lab.SetMutants(ctx, &vmalabpb.SetMutantsRequest{Names: s.texts("names")})
		return &answer{}, err
	case "get_mutants":
		found, err := lab.GetMutants(ctx, &vmalabpb.GetMutantsRequest{})
		return &answer{names: found.GetFullNames(), count: len(found.GetFullNames())}, err
	case "list_scenarios":
		found, err := lab.ListScenarios(ctx, &vmalabpb.ListScenariosRequest{})
		return rows(found.GetScenarios(), "name"), err
	case "run_scenario":
		found, err := lab.RunScenario(ctx, &vmalabpb.RunScenarioRequest{
			Name: s.text("name", ""), Strategy: s.text("strategy", ""), Mutant: s.text("mutant", ""),
			Schedules: value("schedules"), Seed: value("seed"), TimeMs: uint32(value("time_ms")),
		})
		if err != nil {
			return nil, err
		}
		return &answer{fields: fieldsOf(found)}, nil
	}
	return nil, nil
}

// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import dev.vmalab.client.AddressSpace;
import dev.vmalab.client.Client;
import dev.vmalab.client.ClientOptions;
import dev.vmalab.client.OtherVersion;
import dev.vmalab.client.ServiceException;
import dev.vmalab.client.VmalabException;
import dev.vmalab.v1.ReleasePointRequest;
import dev.vmalab.v1.SetMutantsRequest;
import io.grpc.Context;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** A case under way: its clients, address spaces, variables and tasks. */
final class Running {
    /** What does not come in so long never comes. */
    static final Duration PATIENCE = Duration.ofMinutes(10);

    private record Space(String client, AddressSpace handle) {}

    private record Task(Context.CancellableContext context, CompletableFuture<Answer> answer) {}

    final Numbers numbers = new Numbers();
    final Expected expected = new Expected(numbers);
    private final Step profile;
    private final String name;
    private final BufferedReader input;
    private final Map<String, Client> clients = new ConcurrentHashMap<>();
    private final Map<String, Space> spaces = new ConcurrentHashMap<>();
    private final List<AddressSpace> made = new ArrayList<>();
    private final Map<String, Task> tasks = new HashMap<>();
    private final List<Group> groups;

    /** Some of the steps; null: it is none of these. */
    interface Group {
        Answer take(Step step);
    }

    Running(Step profile, String name, BufferedReader input) {
        this.profile = profile;
        this.name = name;
        this.input = input;
        this.groups =
            List.of(
                this::connection,
                this::waiting,
                new Spaces(this)::take,
                new Inspection(this)::take,
                new Laboratory(this)::take,
                new Blocks(this)::take);
    }

    /** Does all steps; says what went wrong, or nothing. */
    String run(List<Step> steps) {
        int at = 0;
        try {
            for (Step one : steps) {
                at++;
                step(one);
            }
            return "";
        } catch (RuntimeException wrong) {
            String text = wrong instanceof Mismatch ? wrong.getMessage() : wrong.toString();
            return "step " + at + " (" + steps.get(at - 1).text("do") + "): " + text;
        } finally {
            end();
        }
    }

    private void end() {
        Client first = clients.get("c");
        if (first != null && name.equals("lab")) {
            ReleasePointRequest all = ReleasePointRequest.newBuilder().setDisarm(true).build();
            quietly(() -> first.lab().releasePoint(all));
            quietly(() -> first.lab().setMutants(SetMutantsRequest.getDefaultInstance()));
        }
        made.forEach(one -> quietly(one::close));
        clients.values().forEach(Client::close);
    }

    private static void quietly(Runnable work) {
        try {
            work.run();
        } catch (VmalabException over) {
            return; // the case has its result already
        }
    }

    private void step(Step step) {
        String kind = step.text("do");
        boolean waits = kind.equals("join") || kind.equals("cancel");
        if (step.has("task") && !waits) {
            begin(step);
            return;
        }
        Answer got;
        try {
            got = step.is("patient") ? patiently(step) : take(step);
        } catch (VmalabException error) {
            expected.failed(step, error);
            return;
        }
        expected.succeeded(step, got);
        if (kind.equals("block") || kind.equals("raw_block")) {
            expected.block(step, got);
        }
        if (step.has("as")) {
            Object field = got.fields.get(step.text("field"));
            numbers.keep(step.text("as"), step.has("field") ? numbers.of(field) : got.value);
        }
    }

    /** Begins a step beside the others; its context is what a cancellation ends. */
    private void begin(Step step) {
        Context.CancellableContext context = Context.current().withCancellation();
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        Thread thread =
            new Thread(
                context.wrap(
                    () -> {
                        try {
                            answer.complete(take(step));
                        } catch (RuntimeException error) {
                            answer.completeExceptionally(error);
                        }
                    }));
        thread.setDaemon(true);
        thread.start();
        tasks.put(step.text("task"), new Task(context, answer));
    }

    private Answer patiently(Step step) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                return take(step);
            } catch (ServiceException.Unavailable error) {
                if (System.nanoTime() > end) {
                    throw error;
                }
                sleep(50);
            }
        }
    }

    private Answer take(Step step) {
        for (Group group : groups) {
            Answer got = group.take(step);
            if (got != null) {
                return got;
            }
        }
        throw new Mismatch("this client does not know the step %s", step.text("do"));
    }

    static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException wanted) {
            throw new Mismatch("interrupted");
        }
    }

    /** Asks again and again whether something is there. */
    static void until(String what, BooleanSupplier there) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!there.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new Mismatch("%s did not come", what);
            }
            sleep(20);
        }
    }

    // --- clients and address spaces ---

    String clientName(Step step) {
        Space found = spaces.get(step.text("mm"));
        boolean names = found != null && !step.text("do").equals("use");
        return names ? found.client : step.text("client", "c");
    }

    Client client(Step step) {
        String wanted = clientName(step);
        Client found = clients.get(wanted);
        return found != null ? found : connect(new Step(Map.of("as", wanted)));
    }

    AddressSpace space(Step step) {
        return spaces.get(step.text("mm", "a")).handle;
    }

    /** Keeps what a step has given under its name. */
    Answer keep(Step step, AddressSpace one, boolean own) {
        spaces.put(step.text("as"), new Space(clientName(step), one));
        if (own) {
            made.add(one);
        }
        return Answer.ofValue(one.number());
    }

    private static byte[] read(Object path) {
        try {
            return Files.readAllBytes(Path.of(String.valueOf(path)));
        } catch (IOException wrong) {
            throw new UncheckedIOException(wrong);
        }
    }

    private Client connect(Step step) {
        String to = step.text("to", "shared");
        List<String> targets = List.of(step.text("target", profile.text("target")));
        ClientOptions options = new ClientOptions().timeout(Duration.ofSeconds(300));
        if (to.startsWith("worker ")) {
            int index = Integer.parseInt(to.substring("worker ".length()));
            targets = List.of(profile.texts("workers").get(index));
            options.withoutDiscovery();
        } else if (to.equals("workers")) {
            targets = profile.texts("workers");
        } else if (to.equals("unix")) {
            targets = profile.texts("unix");
        } else if (to.equals("nobody")) {
            targets = List.of("127.0.0.1:1");
        }
        if (step.has("timeout_ms")) {
            options.timeout(Duration.ofMillis(numbers.of(step, "timeout_ms")));
        }
        if (step.isNot("discover")) {
            options.withoutDiscovery();
        }
        options.token(profile.table("tokens").text(step.text("token", profile.text("token"))));
        secure(step, options);
        Client client = Client.connect(options, targets.toArray(String[]::new));
        clients.put(step.text("as"), client);
        return client;
    }

    private void secure(Step step, ClientOptions options) {
        String tls = profile.is("tls") ? "root" : "none";
        String pair = profile.text("pair");
        if (step.has("tls")) {
            tls = step.text("tls");
            pair = "none";
        }
        if (profile.table("pairs").has(tls)) {
            pair = tls;
            tls = "root";
        }
        if (!tls.equals("none")) {
            options.rootCertificates(read(profile.table("certificates").get(tls)));
        }
        if (!pair.equals("none")) {
            List<?> files = profile.table("pairs").list(pair);
            options.clientCertificate(read(files.get(0)), read(files.get(1)));
        }
    }

    private Answer connection(Step step) {
        switch (step.text("do")) {
            case "connect" -> connect(step);
            case "close" -> client(step).close();
            case "handshake" -> {
                return handshake(step);
            }
            case "distinct_workers" -> {
                return distinctWorkers(step);
            }
            case "kill_worker" -> {
                Main.say("# runner: kill " + name + " " + step.text("worker"));
                try {
                    if (!"done".equals(input.readLine())) {
                        throw new Mismatch("the runner could not kill a worker");
                    }
                } catch (IOException wrong) {
                    throw new UncheckedIOException(wrong);
                }
            }
            default -> {
                return null;
            }
        }
        return new Answer();
    }

    private Answer handshake(Step step) {
        AtomicInteger warnings = new AtomicInteger();
        ClientOptions options = new ClientOptions().warnings(text -> warnings.incrementAndGet());
        if (step.has("version")) {
            OtherVersion.of(options, step.text("version"));
        }
        try (Client client = Client.connect(options, profile.text("target"))) {
            client.inspect().getVmstat();
            client.inspect().getVmstat();
        }
        return Answer.ofValue(warnings.get());
    }

    private Answer distinctWorkers(Step step) {
        Client client = client(step);
        Set<Integer> seen = new HashSet<>();
        until(
            "an answer of each worker",
            () -> {
                try {
                    seen.add(client.inspect().getServerInfo().getWorkerIndex());
                } catch (ServiceException dead) {
                    return false;
                }
                return seen.size() >= numbers.of(step, "value");
            });
        return Answer.ofValue(seen.size());
    }

    // --- waiting ---

    private Answer waiting(Step step) {
        switch (step.text("do")) {
            case "wait_lease" -> {
                if (!client(step).awaitLease(space(step).number(), PATIENCE)) {
                    throw new Mismatch("the lease was not confirmed");
                }
            }
            case "wait_lost" -> {
                long mm = space(step).number();
                until("the loss of the lease", () -> client(step).lost().contains(mm));
            }
            case "wait_gone" -> until("the end of the address space", () -> isGone(step));
            case "wait_field" -> {
                return untilGood(step, () -> Inspection.addressSpace(this, step));
            }
            case "wait_locks" -> {
                return untilGood(
                    step,
                    () -> {
                        var locks = client(step).inspect().listLocks().getLocksList();
                        return Answer.ofRows(locks, "state");
                    });
            }
            case "join" -> {
                return join(tasks.get(step.text("task")));
            }
            case "cancel" -> tasks.get(step.text("task")).context.cancel(null);
            case "sleep" -> sleep(numbers.of(step, "ms"));
            default -> {
                return null;
            }
        }
        return new Answer();
    }

    private boolean isGone(Step step) {
        try {
            space(step).maps();
            return false;
        } catch (ServiceException.NoSuchAddressSpace gone) {
            return true;
        }
    }

    /** Asks until the answer is what the case expects. */
    private Answer untilGood(Step step, Supplier<Answer> ask) {
        Answer[] last = new Answer[1];
        until(
            step.text("do"),
            () -> {
                try {
                    last[0] = ask.get();
                    expected.succeeded(step, last[0]);
                    return true;
                } catch (Mismatch | ServiceException notYet) {
                    return false;
                }
            });
        return last[0];
    }

    private static Answer join(Task task) {
        try {
            return task.answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            throw (RuntimeException) failed.getCause();
        } catch (TimeoutException | InterruptedException over) {
            throw new Mismatch("the task does not end");
        }
    }
}

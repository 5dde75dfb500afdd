// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.bench;

import static dev.vmalab.client.Constants.FAULT_READ;
import static dev.vmalab.client.Constants.PAGE_BYTES;

import com.google.protobuf.ByteString;
import com.sun.management.OperatingSystemMXBean;
import dev.vmalab.client.AddressSpace;
import dev.vmalab.client.Batch;
import dev.vmalab.client.BlockBuilder;
import dev.vmalab.client.Client;
import dev.vmalab.client.Results;
import dev.vmalab.v1.BenchServiceGrpc;
import dev.vmalab.v1.BenchServiceGrpc.BenchServiceBlockingStub;
import dev.vmalab.v1.EchoBlocksRequest;
import dev.vmalab.v1.EchoBlocksResponse;
import dev.vmalab.v1.EchoRequest;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Measures the client beside the bare echo of grpc-java, as clients/bench/README.md says.
 *
 * <p>usage: Main HOST:PORT ROUNDS
 */
public final class Main implements AutoCloseable {
    private static final int PAGES = 512;
    private static final int FAULTS = 10_000;
    private static final int UNARY_CALLS = 500;

    /** More than others do: the time of the process comes in ticks of 10 ms. */
    private static final int BLOCK_CALLS = 200;

    private static final long FIRST_WORD = 100;
    private static final int RESULT_BYTES = 16;

    private final OperatingSystemMXBean system =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private final Client client;
    private final AddressSpace space;
    private final long addr;
    private final Batch batch;
    private final BlockBuilder block = new BlockBuilder();
    private final ManagedChannel bare;
    private final BenchServiceBlockingStub echo;
    private final Answers answers = new Answers();
    private final StreamObserver<EchoBlocksRequest> blocks;
    private final ByteString bytes;
    private long sum;

    private Main(String target) {
        client = Client.connect(target);
        space = client.newAddressSpace();
        addr = space.map(PAGES * PAGE_BYTES);
        for (int page = 0; page < PAGES; page++) {
            space.store(addr + page * PAGE_BYTES, FIRST_WORD + page);
        }
        batch = client.batch(1);
        build();
        bytes = block.bytes();
        for (int i = 0; i < FAULTS; i++) {
            sum += FIRST_WORD + i % PAGES;
        }
        bare = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
        echo = BenchServiceGrpc.newBlockingStub(bare);
        blocks = BenchServiceGrpc.newStub(bare).echoBlocks(answers);
    }

    @Override
    public void close() {
        bare.shutdownNow();
        batch.close();
        space.close();
        client.close();
    }

    private void build() {
        block.reset();
        for (int i = 0; i < FAULTS; i++) {
            block.fault(space.number(), addr + i % PAGES * PAGE_BYTES, FAULT_READ);
        }
    }

    /** A call of one side, the one with this number. */
    private interface Call {
        void make(int number) throws InterruptedException;
    }

    /** Does so many calls; what they cost, as JSON. */
    private String cost(int calls, Call call) throws InterruptedException {
        long cpu = system.getProcessCpuTime();
        long begin = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            call.make(i);
        }
        long wall = System.nanoTime() - begin;
        long used = system.getProcessCpuTime() - cpu;
        return String.format(
            "{\"calls\": %d, \"wall_ns\": %d, \"cpu_ns\": %d}", calls, wall, used);
    }

    private String both(int calls, Call echoed, Call called, boolean echoFirst)
            throws InterruptedException {
        String before = echoFirst ? cost(calls, echoed) : "";
        String call = cost(calls, called);
        String other = echoFirst ? before : cost(calls, echoed);
        return String.format("{\"echo\": %s, \"call\": %s}", other, call);
    }

    private String round(boolean echoFirst) throws InterruptedException {
        String unary = both(UNARY_CALLS, this::unaryEcho, this::unaryCall, echoFirst);
        String some = both(BLOCK_CALLS, this::blockEcho, this::blockCall, echoFirst);
        return String.format("{\"unary\": %s, \"block\": %s}", unary, some);
    }

    private static void check(boolean right, String wrong) {
        if (!right) {
            throw new IllegalStateException(wrong);
        }
    }

    private void unaryEcho(int number) {
        EchoRequest request =
            EchoRequest.newBuilder()
                .setFirst(number)
                .setSecond(addr)
                .setThird(space.number())
                .build();
        check(echo.echo(request).getFirst() == number, "a wrong echo");
    }

    private void unaryCall(int number) {
        int page = number % PAGES;
        long word = space.load(addr + page * PAGE_BYTES);
        if (word != FIRST_WORD + page) {
            throw new IllegalStateException("page " + page + " has the word " + word);
        }
    }

    private void blockEcho(int tag) throws InterruptedException {
        blocks.onNext(EchoBlocksRequest.newBuilder().setBlock(bytes).setTag(tag).build());
        Object came = answers.queue.take();
        if (!(came instanceof EchoBlocksResponse answer)) {
            throw new IllegalStateException("the echo has ended: " + came);
        }
        check(answer.getResults().size() == FAULTS * RESULT_BYTES, "an echo of another length");
    }

    private void blockCall(int number) {
        build();
        batch.send(block);
        Results results = batch.receive();
        long found = 0;
        while (results.next()) {
            if (!results.isOk()) {
                throw new IllegalStateException("a fault has the status " + results.status());
            }
            found += results.value();
        }
        if (found != sum || results.count() != FAULTS) {
            throw new IllegalStateException(
                results.count() + " results with the sum " + found + ", not " + sum);
        }
    }

    private static String runtime() {
        String grpc = ManagedChannel.class.getPackage().getImplementationVersion();
        return "Java " + System.getProperty("java.version") + ", grpc-java " + grpc;
    }

    private static String measure(String target, int rounds) throws InterruptedException {
        List<String> found = new ArrayList<>();
        try (Main bench = new Main(target)) {
            for (int i = 0; i <= rounds; i++) {
                found.add(bench.round(i % 2 == 0));
            }
        }
        found.remove(0); // it warmed up
        return String.format(
            "{\"runtime\": \"%s\", \"faults\": %d, \"rounds\": [%s]}",
            runtime(), FAULTS, String.join(", ", found));
    }

    public static void main(String[] arguments) {
        int rounds = arguments.length == 2 ? Integer.parseInt(arguments[1]) : 0;
        if (rounds < 1) {
            System.err.println("usage: Main HOST:PORT ROUNDS");
            System.exit(2);
        }
        try {
            System.out.println(measure(arguments[0], rounds));
        } catch (InterruptedException | RuntimeException wrong) {
            System.err.println(wrong);
            System.exit(1);
        }
    }

    /** Hands over what comes: an answer, or what ended the stream. */
    private static final class Answers implements StreamObserver<EchoBlocksResponse> {
        private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();

        @Override
        public void onNext(EchoBlocksResponse answer) {
            queue.add(answer);
        }

        @Override
        public void onError(Throwable error) {
            queue.add(error);
        }

        @Override
        public void onCompleted() {
            queue.add("the server ended it");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import dev.vmalab.v1.BatchRequest;
import dev.vmalab.v1.BatchResponse;
import dev.vmalab.v1.BrkRequest;
import dev.vmalab.v1.BrkResponse;
import dev.vmalab.v1.CloseFileRequest;
import dev.vmalab.v1.CloseFileResponse;
import dev.vmalab.v1.CreateAddressSpaceRequest;
import dev.vmalab.v1.CreateAddressSpaceResponse;
import dev.vmalab.v1.ExitRequest;
import dev.vmalab.v1.ExitResponse;
import dev.vmalab.v1.ForkAddressSpaceRequest;
import dev.vmalab.v1.ForkAddressSpaceResponse;
import dev.vmalab.v1.GetVmstatRequest;
import dev.vmalab.v1.GetVmstatResponse;
import dev.vmalab.v1.HoldRequest;
import dev.vmalab.v1.HoldResponse;
import dev.vmalab.v1.InspectServiceGrpc.InspectServiceImplBase;
import dev.vmalab.v1.MemoryServiceGrpc.MemoryServiceImplBase;
import dev.vmalab.v1.MprotectRequest;
import dev.vmalab.v1.MprotectResponse;
import dev.vmalab.v1.OpenFileRequest;
import dev.vmalab.v1.OpenFileResponse;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client sends, and what it makes of answers that a real server gives seldom. */
class ServerTest {
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    /** What must not come is not waited for any longer. */
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final Memory memory = new Memory();
    private final Looks looks = new Looks();
    private final BlockingQueue<String> tokens = new LinkedBlockingQueue<>();
    private Server server;
    private Client client;

    /** Answers memory calls as a test wants it. */
    private static final class Memory extends MemoryServiceImplBase {
        private final BlockingQueue<MprotectRequest> mprotects = new LinkedBlockingQueue<>();
        private final BlockingQueue<ForkAddressSpaceRequest> forks = new LinkedBlockingQueue<>();
        private final BlockingQueue<HoldRequest> leases = new LinkedBlockingQueue<>();
        private final BlockingQueue<StreamObserver<HoldResponse>> holds =
            new LinkedBlockingQueue<>();
        private final AtomicInteger creates = new AtomicInteger();
        private final AtomicInteger exits = new AtomicInteger();
        /** Whether a test answers the requests of leases by itself. */
        private volatile boolean silent;

        @Override
        public void mprotect(MprotectRequest request, StreamObserver<MprotectResponse> to) {
            mprotects.add(request);
            MprotectResponse.Builder answer = MprotectResponse.newBuilder();
            if (request.hasPkru()) {
                answer.setPkru(request.getPkru() + 1);
            }
            to.onNext(answer.build());
            to.onCompleted();
        }

        @Override
        public void forkAddressSpace(
                ForkAddressSpaceRequest request, StreamObserver<ForkAddressSpaceResponse> to) {
            forks.add(request);
            to.onNext(ForkAddressSpaceResponse.newBuilder().setMm(-2).build());
            to.onCompleted();
        }

        @Override
        public void brk(BrkRequest request, StreamObserver<BrkResponse> to) {
            // It never answers.
        }

        @Override
        public void createAddressSpace(
                CreateAddressSpaceRequest request, StreamObserver<CreateAddressSpaceResponse> to) {
            creates.incrementAndGet();
            to.onError(Status.UNAVAILABLE.asRuntimeException());
        }

        @Override
        public void exit(ExitRequest request, StreamObserver<ExitResponse> to) {
            exits.incrementAndGet();
            to.onNext(ExitResponse.getDefaultInstance());
            to.onCompleted();
        }

        @Override
        public StreamObserver<BatchRequest> batch(StreamObserver<BatchResponse> to) {
            return new Requests<>() {
                @Override
                public void onNext(BatchRequest request) {
                    ByteString results = ByteString.copyFrom(new byte[16]);
                    to.onNext(
                        BatchResponse.newBuilder()
                            .setTag(request.getTag())
                            .setResults(results)
                            .build());
                }
            };
        }

        @Override
        public StreamObserver<HoldRequest> hold(StreamObserver<HoldResponse> to) {
            holds.add(to);
            return new Requests<>() {
                private final Set<Long> held = new HashSet<>();

                @Override
                public void onNext(HoldRequest request) {
                    leases.add(request);
                    held.addAll(request.getAddList());
                    held.removeAll(request.getDropList());
                    if (!silent) {
                        to.onNext(held(held.size()));
                    }
                }
            };
        }

        @Override
        public void openFile(OpenFileRequest request, StreamObserver<OpenFileResponse> to) {
            to.onNext(OpenFileResponse.newBuilder().setFile(request.getIno()).build());
            to.onCompleted();
        }

        @Override
        public void closeFile(CloseFileRequest request, StreamObserver<CloseFileResponse> to) {
            to.onNext(CloseFileResponse.getDefaultInstance());
            to.onCompleted();
        }
    }

    /** The requests of a stream; its end is no matter. */
    private abstract static class Requests<T> implements StreamObserver<T> {
        @Override
        public void onError(Throwable error) {
            // The client is closed.
        }

        @Override
        public void onCompleted() {
            // The client has closed the stream.
        }
    }

    /** Fails as often as a test wants it. */
    private static final class Looks extends InspectServiceImplBase {
        private final AtomicInteger failures = new AtomicInteger();
        private final AtomicInteger calls = new AtomicInteger();

        @Override
        public void getVmstat(GetVmstatRequest request, StreamObserver<GetVmstatResponse> to) {
            if (calls.incrementAndGet() <= failures.get()) {
                to.onError(Status.UNAVAILABLE.asRuntimeException());
                return;
            }
            to.onNext(GetVmstatResponse.getDefaultInstance());
            to.onCompleted();
        }
    }

    /** Notes the tokens of all calls. */
    private final class Tokens implements ServerInterceptor {
        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            tokens.add(call.getMethodDescriptor().getBareMethodName() + " "
                + headers.get(AUTHORIZATION));
            return next.startCall(call, headers);
        }
    }

    @BeforeEach
    void start() throws IOException {
        server =
            NettyServerBuilder.forAddress(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .addService(memory)
                .addService(looks)
                .intercept(new Tokens())
                .build()
                .start();
        client = connected(PATIENCE);
    }

    private Client connected(Duration timeout) {
        ClientOptions options =
            new ClientOptions().withoutDiscovery().token("secret").timeout(timeout);
        return Client.connect(options, "127.0.0.1:" + server.getPort());
    }

    @AfterEach
    void stop() throws InterruptedException {
        client.close();
        server.shutdownNow().awaitTermination();
    }

    private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
        T found = queue.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertTrue(found != null, "it did not come");
        return found;
    }

    @Test
    void pkruIsAPropertyOfTheHandle() throws InterruptedException {
        AddressSpace space = client.useWithoutLease(-1);
        space.mprotect(0, 4096, Constants.PROT_READ);
        MprotectRequest plain = next(memory.mprotects);
        assertFalse(plain.hasPkru());
        assertEquals(-1, plain.getMm());
        space.setPkru(0x5555_5554);
        space.mprotect(0, 4096, Constants.PROT_READ);
        assertEquals(0x5555_5554, next(memory.mprotects).getPkru());
        assertEquals(OptionalInt.of(0x5555_5555), space.pkru(), "what the call made of it");
        AddressSpace child = space.fork();
        assertEquals(0x5555_5555, next(memory.forks).getPkru());
        assertEquals(space.pkru(), child.pkru());
        assertEquals(-2, child.number());
        space.clearPkru();
        space.mprotect(0, 4096, Constants.PROT_READ);
        assertFalse(next(memory.mprotects).hasPkru());
    }

    @Test
    void theTokenGoesWithCallsAndStreams() throws InterruptedException {
        client.inspect().getVmstat();
        assertEquals("GetVmstat Bearer secret", next(tokens));
        try (Batch batch = client.batch()) {
            batch.send(new BlockBuilder().nop());
            assertEquals(1, batch.receive().count());
        }
        assertEquals("Batch Bearer secret", next(tokens));
    }

    @Test
    void onlyLooksAreTriedAgain() {
        looks.failures.set(3);
        client.inspect().getVmstat();
        assertEquals(4, looks.calls.get());
        assertThrows(ServiceException.Unavailable.class, () -> client.newAddressSpace());
        assertEquals(1, memory.creates.get());
    }

    @Test
    void aCallEndsWithItsDeadline() {
        AddressSpace space = client.useWithoutLease(1);
        long begin = System.nanoTime();
        assertThrows(
            ServiceException.DeadlineExceeded.class,
            () -> client.within(Duration.ofMillis(50), () -> space.brk(0)));
        try (Client hasty = connected(Duration.ofMillis(50))) {
            AddressSpace same = hasty.useWithoutLease(1);
            assertThrows(ServiceException.DeadlineExceeded.class, () -> same.brk(0));
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begin);
        assertTrue(took.compareTo(PATIENCE) < 0, "it ended with another deadline: " + took);
    }

    @Test
    void aCallEndsWithItsContext() throws InterruptedException {
        AddressSpace space = client.useWithoutLease(1);
        Context.CancellableContext context = Context.current().withCancellation();
        BlockingQueue<Class<?>> ended = new LinkedBlockingQueue<>();
        Runnable call = () -> ended.add(failureOf(() -> space.brk(0)));
        Thread caller = new Thread(context.wrap(call));
        caller.start();
        next(tokens);
        context.cancel(null);
        assertEquals(ServiceException.Cancelled.class, next(ended));
        caller.join();
    }

    @Test
    void aCallEndsWhenItsThreadIsInterrupted() throws InterruptedException {
        AddressSpace space = client.useWithoutLease(1);
        BlockingQueue<Object> ended = new LinkedBlockingQueue<>();
        Thread caller =
            new Thread(
                () -> {
                    ended.add(failureOf(() -> space.brk(0)));
                    ended.add(Thread.currentThread().isInterrupted());
                });
        caller.start();
        next(tokens);
        caller.interrupt();
        assertEquals(ServiceException.Cancelled.class, next(ended));
        assertEquals(true, next(ended), "the interrupt is kept for the caller");
        caller.join();
    }

    private static Class<?> failureOf(Runnable work) {
        try {
            work.run();
            return null;
        } catch (VmalabException error) {
            return error.getClass();
        }
    }

    private static HoldResponse held(int count) {
        return HoldResponse.newBuilder().setHeldCount(count).build();
    }

    @Test
    void theAnswerToItsRequestConfirmsALease() throws InterruptedException {
        memory.silent = true;
        AddressSpace first = client.use(1);
        client.use(2);
        first.detach();
        client.use(3);
        StreamObserver<HoldResponse> answers = next(memory.holds);
        answers.onNext(held(1));
        answers.onNext(held(2)); // as many as are wanted now, but others
        assertTrue(client.awaitLease(2, PATIENCE));
        assertFalse(client.awaitLease(3, SHORT), "the server does not know it yet");
        answers.onNext(held(1));
        answers.onNext(held(2));
        assertTrue(client.awaitLease(3, PATIENCE));
    }

    @Test
    void nothingIsConfirmedWithoutAStream() {
        client.use(1);
        assertTrue(client.awaitLease(1, PATIENCE));
        server.shutdownNow();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (client.awaitLease(1, Duration.ofMillis(20))) {
            assertTrue(System.nanoTime() < end, "the stream is over, and the lease is confirmed");
        }
    }

    @Test
    void aLeaseThatIsRefusedIsLost() throws InterruptedException {
        client.use(1);
        assertTrue(client.awaitLease(1, PATIENCE));
        memory.silent = true;
        client.use(7);
        next(memory.leases);
        next(memory.leases);
        memory.silent = false;
        ErrorInfo info =
            ErrorInfo.newBuilder()
                .setReason(Constants.REASON_NOT_OWNER)
                .putMetadata("mm", "7")
                .build();
        com.google.rpc.Status refused =
            com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.PERMISSION_DENIED.value())
                .addDetails(Any.pack(info))
                .build();
        next(memory.holds).onError(StatusProto.toStatusRuntimeException(refused));
        assertFalse(client.awaitLease(7, PATIENCE));
        assertEquals(List.of(7L), client.lost());
        assertEquals(List.of(1L), next(memory.leases).getAddList());
        assertTrue(client.awaitLease(1, PATIENCE));
    }

    @Test
    void aFileHasALeaseUntilItsLastOpenIsClosed() throws InterruptedException {
        memory.silent = true;
        Files files = client.files();
        FileOptions file = new FileOptions(0, 0, 5);
        files.open(file);
        files.open(file);
        files.close(5);
        assertEquals(List.of(5L), next(memory.leases).getAddFilesList());
        files.close(5);
        assertEquals(List.of(5L), next(memory.leases).getDropFilesList());
        files.open(file);
        assertEquals(List.of(5L), next(memory.leases).getAddFilesList());
        StreamObserver<HoldResponse> answers = next(memory.holds);
        // The answer to the first comes late: the file was opened again meanwhile.
        answers.onNext(HoldResponse.newBuilder().addMissingFiles(5).build());
        answers.onNext(held(0));
        answers.onNext(held(0));
        client.use(1);
        answers.onNext(held(1));
        assertTrue(client.awaitLease(1, PATIENCE), "all answers are there");
        assertEquals(List.of(1L), next(memory.leases).getAddList());
        files.close(5);
        assertEquals(List.of(5L), next(memory.leases).getDropFilesList());
    }

    @Test
    void allLeasesAreTakenAgainOnAnotherStream() throws InterruptedException {
        client.use(-7);
        assertEquals(List.of(-7L), next(memory.leases).getAddList());
        AddressSpace second = client.use(8);
        assertEquals(List.of(8L), next(memory.leases).getAddList());
        assertTrue(client.awaitLease(-7, PATIENCE));
        second.detach();
        assertEquals(List.of(8L), next(memory.leases).getDropList());
        assertFalse(client.awaitLease(8, PATIENCE), "there is none any more");
        next(memory.holds).onError(Status.UNAVAILABLE.asRuntimeException());
        assertEquals(List.of(-7L), next(memory.leases).getAddList());
        assertTrue(client.awaitLease(-7, PATIENCE));
        CountDownLatch gone = new CountDownLatch(1);
        new Thread(
                () -> {
                    while (client.lost().isEmpty()) {
                        Thread.onSpinWait();
                    }
                    gone.countDown();
                })
            .start();
        next(memory.holds).onNext(HoldResponse.newBuilder().addMissing(-7).build());
        assertTrue(gone.await(PATIENCE.toSeconds(), TimeUnit.SECONDS));
        assertEquals(List.of(-7L), client.lost());
    }

    @Test
    void theWindowOfAStreamHasAnEnd() {
        Batch batch = client.batch(1);
        assertThrows(RefusedException.BadWindow.class, batch::receive);
        batch.send(new BlockBuilder().nop());
        assertTrue(batch.isFull());
        assertThrows(
            RefusedException.BadWindow.class, () -> batch.send(new BlockBuilder().nop()));
        assertEquals(1, batch.receive().count());
        batch.send(new BlockBuilder().nop());
        batch.close();
        assertThrows(RefusedException.Closed.class, () -> batch.send(new BlockBuilder().nop()));
        assertThrows(RefusedException.Closed.class, batch::receive);
    }

    @Test
    void aStreamEndsWithTheWithinThatOpenedIt() {
        Batch batch = client.within(PATIENCE, () -> {
            Batch made = client.batch();
            made.send(new BlockBuilder().nop());
            assertEquals(1, made.receive().count());
            return made;
        });
        batch.send(new BlockBuilder().nop());
        ServiceException error =
            assertThrows(ServiceException.Cancelled.class, batch::receive);
        assertTrue(error.getMessage().contains("within"), error.getMessage());
    }

    @Test
    void aTimeMayBeLongerThanAClockCounts() {
        Duration ages = Duration.ofSeconds(Long.MAX_VALUE);
        try (Client patient = connected(ages)) {
            patient.within(ages, () -> patient.inspect().getVmstat());
            patient.use(1);
            assertTrue(patient.awaitLease(1, ages));
        }
    }

    @Test
    void aLeaseEndsWithTheLastHandleThatHasIt() throws InterruptedException {
        AddressSpace first = client.use(1);
        AddressSpace second = client.use(1);
        assertEquals(List.of(1L), next(memory.leases).getAddList());
        assertTrue(client.awaitLease(1, PATIENCE));
        first.detach();
        first.detach(); // it has none any more
        assertTrue(client.awaitLease(1, PATIENCE), "the lease of the other handle is gone");
        second.close();
        assertEquals(List.of(1L), next(memory.leases).getDropList());
        assertEquals(0, memory.exits.get(), "no handle has made it");
        client.useWithoutLease(1).close();
        assertEquals(0, memory.exits.get());
        client.useWithoutLease(1).fork().close();
        assertEquals(1, memory.exits.get(), "that one was made");
    }

    @Test
    void aClosedClientSendsNothing() throws InterruptedException {
        AddressSpace space = client.useWithoutLease(1);
        client.close();
        client.close();
        assertThrows(RefusedException.Closed.class, space::exit);
        assertThrows(RefusedException.Closed.class, () -> client.awaitLease(1, PATIENCE));
        assertThrows(
            RefusedException.Closed.class, () -> client.within(PATIENCE, () -> space.brk(0)));
        space.close();
        assertTrue(tokens.isEmpty());
    }
}

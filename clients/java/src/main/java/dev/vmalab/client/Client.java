// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import com.google.protobuf.ByteString;
import dev.vmalab.v1.ApplyRequest;
import dev.vmalab.v1.GetServerInfoRequest;
import dev.vmalab.v1.GetServerInfoResponse;
import dev.vmalab.v1.InspectServiceGrpc;
import dev.vmalab.v1.KeepAliveRequest;
import dev.vmalab.v1.MemoryServiceGrpc;
import dev.vmalab.v1.Worker;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A connection to an instance. Threads may share it. */
public final class Client implements AutoCloseable {
    /** What a message may have on this side, in bytes; the server has limits of its own. */
    public static final int MESSAGE_BYTES_MAX = 64 << 20;

    private static final long HANDSHAKE_S = 10;
    private static final long CLOSE_S = 10;

    private final ClientOptions options;
    private final Addresses addresses;
    private final Transport transport;
    private final ManagedChannel connection;
    private final CallRules rules;
    private final Channel channel;
    private final ScheduledExecutorService timer;
    private final Leases leases;
    private final Inspect inspect = new Inspect(this);
    private final Lab lab = new Lab(this);
    private final Files files = new Files(this);

    private Client(ClientOptions options, List<Target> targets) {
        this.options = options;
        transport = new Transport(targets, options.security(targets));
        addresses = new Addresses(targets);
        timer = Executors.newSingleThreadScheduledExecutor(Client::daemon);
        Reconnector reconnector = new Reconnector(timer, addresses::count);
        connection = transport.connect(addresses.target(), reconnector);
        reconnector.serve(connection);
        rules = new CallRules(options.token(), options.timeout());
        channel = ClientInterceptors.intercept(connection, rules);
        leases = new Leases(channel, timer);
    }

    private static Thread daemon(Runnable work) {
        Thread made = new Thread(work, "vmalab-client");
        made.setDaemon(true);
        return made;
    }

    /**
     * Connects to a server. One TCP address without TLS is asked for the workers, and calls go to
     * all of them in turn; several addresses are used as they are, in turn too.
     *
     * @param targets addresses of one server: {@code host:port}, or {@code unix:PATH}
     * @return the client; close it
     */
    public static Client connect(String... targets) {
        return connect(new ClientOptions(), targets);
    }

    /**
     * Connects to a server, with other options than the defaults.
     *
     * @param options how
     * @param targets addresses of one server: {@code host:port}, or {@code unix:PATH}
     * @return the client; close it
     */
    public static Client connect(ClientOptions options, String... targets) {
        List<Target> found = new ArrayList<>();
        for (String target : targets) {
            found.add(Target.of(target));
        }
        if (found.isEmpty()) {
            throw new RefusedException.BadTarget("give host:port, or several");
        }
        if (found.stream().map(Target::isUnix).distinct().count() > 1) {
            throw new RefusedException.BadTarget("give TCP addresses or Unix sockets, not both");
        }
        Client made = new Client(options, found);
        try {
            if (options.discovers()) {
                made.discover(found);
            }
            return made;
        } catch (RuntimeException wrong) {
            made.close();
            throw wrong;
        }
    }

    /** Shakes hands, and learns the addresses of the workers if one address was given. */
    private void discover(List<Target> given) {
        boolean single = given.size() == 1 && !given.get(0).isUnix();
        List<Worker> workers = single ? inspect.listWorkers().getWorkersList() : List.of();
        shakeHands();
        List<Target> found = new ArrayList<>();
        for (Worker worker : workers) {
            try {
                found.add(Target.of(worker.getAddress()));
            } catch (RefusedException.BadTarget unusable) {
                return;
            }
        }
        // The certificate is for the name that was given.
        if (!found.isEmpty() && !options.tls() && found.stream().allMatch(options::mayGet)) {
            addresses.change(found);
        }
    }

    /** A server that gives no answer is used as it is: the next call has the error. */
    private void shakeHands() {
        GetServerInfoResponse info;
        try {
            info =
                ClientCalls.blockingUnaryCall(
                    channel,
                    InspectServiceGrpc.getGetServerInfoMethod(),
                    CallOptions.DEFAULT.withDeadlineAfter(HANDSHAKE_S, TimeUnit.SECONDS),
                    GetServerInfoRequest.getDefaultInstance());
        } catch (StatusRuntimeException none) {
            return;
        }
        String complaint = Handshake.complaint(info, options.version());
        if (!complaint.isEmpty()) {
            options.warn().accept(complaint);
        }
    }

    /** Makes a call, with the errors of this package. */
    <Q, A> A call(MethodDescriptor<Q, A> method, Q request) {
        try {
            return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, request);
        } catch (StatusRuntimeException error) {
            throw ServiceException.of(error);
        }
    }

    Leases leases() {
        return leases;
    }

    /**
     * The channel, for generated stubs of your own: futures and streams. Its calls have the token,
     * the default timeout and the check whether this client is closed. Their errors are those of
     * gRPC: {@link ServiceException#of(StatusRuntimeException)} translates them.
     *
     * @return the channel
     */
    public Channel channel() {
        return channel;
    }

    /**
     * A look inside.
     *
     * @return the calls of InspectService
     */
    public Inspect inspect() {
        return inspect;
    }

    /**
     * Races, on a server that was started with --lab.
     *
     * @return the calls of LabService
     */
    public Lab lab() {
        return lab;
    }

    /**
     * Asks the server, or one of its services, for its health.
     *
     * @param service the name of the service; empty: the server
     * @return "SERVING" is good
     */
    public String health(String service) {
        HealthCheckRequest request = HealthCheckRequest.newBuilder().setService(service).build();
        return call(HealthGrpc.getCheckMethod(), request).getStatus().name();
    }

    /**
     * Bounds all calls of a piece of a program together. A shorter deadline of its caller stays. A
     * stream of blocks that the piece opens ends with it.
     *
     * @param most for how long
     * @param work the piece
     * @param <T> what it gives
     * @return what it gives
     */
    public <T> T within(Duration most, Supplier<T> work) {
        rules.checkOpen();
        Duration time = CallRules.bounded(most);
        Deadline deadline = Deadline.after(time.toNanos(), TimeUnit.NANOSECONDS);
        try (Context.CancellableContext bounded = bounded(deadline)) {
            Context outer = bounded.attach();
            try {
                return work.get();
            } finally {
                bounded.detach(outer);
            }
        }
    }

    private Context.CancellableContext bounded(Deadline deadline) {
        try {
            return Context.current().withDeadline(deadline, timer);
        } catch (RejectedExecutionException closed) {
            throw CallRules.closed();
        }
    }

    /**
     * Makes an empty address space, with a lease on it.
     *
     * @return the address space; close it
     */
    public AddressSpace newAddressSpace() {
        return newAddressSpace(new SpaceOptions());
    }

    /**
     * Makes an address space.
     *
     * @param how what it begins with
     * @return the address space; close it
     */
    public AddressSpace newAddressSpace(SpaceOptions how) {
        long mm =
            call(MemoryServiceGrpc.getCreateAddressSpaceMethod(), how.createRequest()).getMm();
        return new AddressSpace(this, mm, true, how.hasLease());
    }

    /**
     * Gives a handle on an address space that exists, with a lease on it. Several clients may use
     * it. {@link AddressSpace#close} ends the lease of this handle, and not the address space.
     *
     * @param mm its number
     * @return the handle
     */
    public AddressSpace use(long mm) {
        return new AddressSpace(this, mm, false, true);
    }

    /**
     * Gives a handle on an address space that another client keeps.
     *
     * @param mm its number
     * @return the handle
     */
    public AddressSpace useWithoutLease(long mm) {
        return new AddressSpace(this, mm, false, false);
    }

    /**
     * Lets address spaces live at least so long from now.
     *
     * @param ttl for how long; zero: the server's default
     * @param mms their numbers
     * @return the numbers of those that do not exist
     */
    public List<Long> keepAlive(Duration ttl, long... mms) {
        KeepAliveRequest.Builder request = KeepAliveRequest.newBuilder();
        for (long mm : mms) {
            request.addMms(mm);
        }
        request.setTtlMs(SpaceOptions.milliseconds(ttl));
        return call(MemoryServiceGrpc.getKeepAliveMethod(), request.build()).getMissingList();
    }

    /**
     * The files of the instance.
     *
     * @return what opens, closes, shares and changes them
     */
    public Files files() {
        return files;
    }

    /**
     * Executes a block. A record that fails is a result, and no error.
     *
     * @param block the block
     * @return its results
     */
    public Results apply(BlockBuilder block) {
        return apply(block.bytes());
    }

    /**
     * Executes a block that was built otherwise.
     *
     * @param block its bytes
     * @return its results
     */
    public Results apply(ByteString block) {
        ApplyRequest request = ApplyRequest.newBuilder().setBlock(block).build();
        try {
            return Results.of(call(MemoryServiceGrpc.getApplyMethod(), request).getResults());
        } catch (ServiceException error) {
            throw error.ofBlock();
        }
    }

    /**
     * Opens a stream of blocks with the default window. It ends with the current {@link Context},
     * and has no other deadline.
     *
     * @return the stream; close it
     */
    public Batch batch() {
        return batch(Batch.WINDOW_DEFAULT);
    }

    /**
     * Opens a stream of blocks. It ends with the current {@link Context}.
     *
     * @param window how many blocks are outstanding at most
     * @return the stream; close it
     */
    public Batch batch(int window) {
        return new Batch(channel, window);
    }

    /**
     * The address spaces whose lease is lost: they ended, or are another client's ({@link
     * ServiceException.NotOwner}).
     *
     * @return their numbers
     */
    public List<Long> lost() {
        return leases.lost();
    }

    /**
     * Waits until the server has confirmed the lease of this client on an address space.
     *
     * @param mm its number
     * @param most how long to wait
     * @return whether it is confirmed; false too if there is no lease on it
     */
    public boolean awaitLease(long mm, Duration most) {
        boolean confirmed = leases.await(mm, CallRules.bounded(most));
        rules.checkOpen();
        return confirmed;
    }

    /** Ends all leases and the connection. */
    @Override
    public void close() {
        if (rules.isClosed()) {
            return;
        }
        leases.close();
        rules.close();
        connection.shutdownNow();
        boolean interrupted = false;
        try {
            connection.awaitTermination(CLOSE_S, TimeUnit.SECONDS);
        } catch (InterruptedException wanted) {
            interrupted = true;
        }
        timer.shutdownNow();
        transport.close();
        addresses.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

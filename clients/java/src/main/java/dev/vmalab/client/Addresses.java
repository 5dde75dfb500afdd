// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.NameResolverRegistry;
import io.grpc.Status;
import io.grpc.StatusOr;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The addresses that a channel connects to. gRPC asks for them by a target, "vmalab:///1": the
 * number names an object of this class. They can change while the channel is open.
 */
final class Addresses {
    private static final Map<String, Addresses> ALL = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBERS = new AtomicLong();

    static {
        NameResolverRegistry registry = NameResolverRegistry.getDefaultRegistry();
        registry.register(new Provider("vmalab", InetSocketAddress.class));
        registry.register(new Provider("vmalab-unix", DomainSocketAddress.class));
    }

    private final String number = Long.toString(NUMBERS.incrementAndGet());
    private final String target;
    private volatile List<Target> targets;
    private volatile Resolver resolver;

    Addresses(List<Target> targets) {
        this.targets = List.copyOf(targets);
        this.target = (targets.get(0).isUnix() ? "vmalab-unix" : "vmalab") + ":///" + number;
        ALL.put(number, this);
    }

    /** What gRPC is given. */
    String target() {
        return target;
    }

    int count() {
        return targets.size();
    }

    /** The channel connects to these from now on. */
    void change(List<Target> others) {
        targets = List.copyOf(others);
        Resolver present = resolver;
        if (present != null) {
            present.resolve();
        }
    }

    /** No channel asks for them any more. */
    void close() {
        ALL.remove(number);
    }

    private static EquivalentAddressGroup groupOf(Target one) throws UnknownHostException {
        List<SocketAddress> found = new ArrayList<>();
        if (one.isUnix()) {
            found.add(new DomainSocketAddress(one.path()));
        } else {
            for (InetAddress address : InetAddress.getAllByName(one.host())) {
                found.add(new InetSocketAddress(address, one.port()));
            }
        }
        Attributes name =
            Attributes.newBuilder()
                .set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, one.authority())
                .build();
        return new EquivalentAddressGroup(found, name);
    }

    /** Answers gRPC's questions for targets of one scheme. */
    private static final class Provider extends NameResolverProvider {
        private final String scheme;
        private final Class<? extends SocketAddress> kind;

        Provider(String scheme, Class<? extends SocketAddress> kind) {
            this.scheme = scheme;
            this.kind = kind;
        }

        @Override
        public NameResolver newNameResolver(URI uri, NameResolver.Args args) {
            if (!scheme.equals(uri.getScheme())) {
                return null;
            }
            Addresses found = ALL.get(uri.getPath().substring(1));
            return found == null ? null : found.new Resolver(args.getOffloadExecutor());
        }

        @Override
        public String getDefaultScheme() {
            return scheme;
        }

        @Override
        protected boolean isAvailable() {
            return true;
        }

        @Override
        protected int priority() {
            return 5;
        }

        @Override
        public Collection<Class<? extends SocketAddress>> getProducedSocketAddressTypes() {
            return Set.of(kind);
        }
    }

    /** Gives a channel its addresses; names are looked up aside, as that can wait. */
    private final class Resolver extends NameResolver {
        private final Executor aside;
        private volatile Listener2 listener;

        Resolver(Executor aside) {
            this.aside = aside;
        }

        @Override
        public String getServiceAuthority() {
            return targets.get(0).authority();
        }

        @Override
        public void start(Listener2 given) {
            listener = given;
            resolver = this;
            resolve();
        }

        @Override
        public void refresh() {
            if (targets.stream().anyMatch(one -> !one.isUnix() && !one.isNumeric())) {
                resolve();
            }
        }

        @Override
        public void shutdown() {
            listener = null;
        }

        void resolve() {
            aside.execute(this::lookUp);
        }

        private void lookUp() {
            List<EquivalentAddressGroup> found = new ArrayList<>();
            String missing = "";
            for (Target one : targets) {
                try {
                    found.add(groupOf(one));
                } catch (UnknownHostException unknown) {
                    missing = one.host();
                }
            }
            Listener2 present = listener;
            if (present == null) {
                return;
            }
            if (found.isEmpty()) {
                present.onError(
                    Status.UNAVAILABLE.withDescription("the host " + missing + " is unknown"));
                return;
            }
            present.onResult(
                ResolutionResult.newBuilder()
                    .setAddressesOrError(StatusOr.fromValue(found))
                    .build());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client.conformance;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import dev.vmalab.client.AddressSpace;
import dev.vmalab.client.Batch;
import dev.vmalab.client.BlockBuilder;
import dev.vmalab.client.CallException;
import dev.vmalab.client.Client;
import dev.vmalab.client.Constants;
import dev.vmalab.client.Fault;
import dev.vmalab.client.FileOptions;
import dev.vmalab.client.Range;
import dev.vmalab.client.SpaceOptions;
import dev.vmalab.client.VmalabException;
import dev.vmalab.v1.ProcessSetup;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The steps of address spaces and files: a call by the name of its method, all else by hand. */
final class Spaces {
    private static final int CREATES_MAX = 10_000;

    private final Running running;
    private final Numbers numbers;

    Spaces(Running running) {
        this.running = running;
        this.numbers = running.numbers;
    }

    Answer take(Step step) {
        Names.Named call = Names.CALLS.get(step.text("do"));
        if (call != null) {
            return call(step, call);
        }
        Answer found = space(step);
        return found != null ? found : file(step);
    }

    // --- calls by name ---

    /** The public method of this name with so many arguments. */
    static Method method(Class<?> of, Names.Named named) {
        for (Method one : of.getMethods()) {
            if (one.getName().equals(named.method())
                    && one.getParameterCount() == named.arguments().size()) {
                return one;
            }
        }
        throw new Mismatch("there is no method %s", named);
    }

    /** Calls it; its exception is that of the call. */
    static Object invoke(Method method, Object on, List<Object> arguments) {
        try {
            return method.invoke(on, arguments.toArray());
        } catch (InvocationTargetException failed) {
            throw (RuntimeException) failed.getCause();
        } catch (IllegalAccessException wrong) {
            throw new IllegalStateException(wrong);
        }
    }

    /** A value of a type from what a step has; nothing is 0. */
    static Object argument(Numbers numbers, Object given, Class<?> kind) {
        if (kind == String.class) {
            return given == null ? "" : String.valueOf(given);
        }
        if (kind == List.class) {
            return ranges(numbers, given);
        }
        if (kind == long[].class) {
            return ranges(numbers, given).stream().mapToLong(Range::addr).toArray();
        }
        long value = numbers.of(given);
        if (kind == boolean.class) {
            return value != 0;
        }
        return kind == int.class ? (Object) (int) value : (Object) value;
    }

    private static List<Range> ranges(Numbers numbers, Object given) {
        List<Range> found = new ArrayList<>();
        if (given instanceof List<?> list) {
            for (Object one : list) {
                List<?> pair = (List<?>) one;
                found.add(new Range(numbers.of(pair.get(0)), numbers.of(pair.get(1))));
            }
            return found;
        }
        Step from = Step.of((Map<?, ?>) given);
        for (long i = 0; i < numbers.of(from, "count"); i++) {
            long addr = numbers.of(from, "from") + i * numbers.of(from, "stride");
            found.add(new Range(addr, Constants.PAGE_BYTES));
        }
        return found;
    }

    private Answer call(Step step, Names.Named named) {
        Method method = method(AddressSpace.class, named);
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < named.arguments().size(); i++) {
            Object given = step.get(named.arguments().get(i));
            values.add(argument(numbers, given, method.getParameterTypes()[i]));
        }
        Object got = invoke(method, running.space(step), values);
        if (got instanceof byte[] vector) {
            StringBuilder text = new StringBuilder();
            for (byte page : vector) {
                text.append(page & 1);
            }
            return Answer.ofText(text.toString());
        }
        return Answer.ofValue(got == null ? 0 : ((Number) got).longValue());
    }

    // --- address spaces ---

    private SpaceOptions options(Step step) {
        SpaceOptions made =
            new SpaceOptions()
                .mmapBase(numbers.of(step, "mmap_base"))
                .heap(numbers.of(step, "start_brk"), numbers.of(step, "brk"))
                .maps(step.text("maps"))
                .ttl(Duration.ofMillis(numbers.of(step, "ttl_ms")));
        if (step.isNot("hold")) {
            made.withoutLease();
        }
        if (step.has("setup")) {
            ProcessSetup.Builder setup = ProcessSetup.newBuilder();
            Step given = step.table("setup");
            for (String name : given.entries().keySet()) {
                FieldDescriptor field = ProcessSetup.getDescriptor().findFieldByName(name);
                Class<?> kind =
                    field.getJavaType() == JavaType.BOOLEAN
                        ? boolean.class
                        : field.getJavaType() == JavaType.INT ? int.class : long.class;
                setup.setField(field, argument(numbers, given.get(name), kind));
            }
            made.setup(setup.build());
        }
        return made;
    }

    private Answer space(Step step) {
        switch (step.text("do")) {
            case "create":
                AddressSpace created = running.client(step).newAddressSpace(options(step));
                return running.keep(step, created, true);
            case "use":
                long mm = numbers.of(step, "mm");
                Client client = running.client(step);
                return running.keep(
                    step, step.isNot("hold") ? client.useWithoutLease(mm) : client.use(mm), false);
            case "fork":
                return running.keep(step, running.space(step).fork(), true);
            case "exec":
                boolean shared = numbers.of(step, "shared") != 0;
                return running.keep(step, running.space(step).exec(options(step), shared), true);
            case "exit":
                running.space(step).exit();
                return new Answer();
            case "end":
                running.space(step).close();
                return new Answer();
            case "detach":
                return Answer.ofValue(running.space(step).detach());
            case "share":
                running.space(step).share();
                return new Answer();
            case "fault":
                return fault(step);
            case "process_madvise":
                return Answer.ofValue(
                    running
                        .space(step)
                        .processMadvise(
                            ranges(numbers, step.get("ranges")),
                            numbers.intOf(step, "advice"),
                            numbers.of(step, "remote") != 0));
            case "maps":
                return Answer.ofText(running.space(step).maps());
            case "query_vma":
                return Answer.ofFields(
                    running
                        .space(step)
                        .queryVma(numbers.of(step, "addr"), numbers.intOf(step, "flags")));
            case "until_refused":
                return untilRefused(step);
            default:
                return null;
        }
    }

    private Answer fault(Step step) {
        AddressSpace space = running.space(step);
        long addr = numbers.of(step, "addr");
        int access = numbers.intOf(step, "access");
        Fault got =
            step.has("word")
                ? space.fault(addr, access, numbers.of(step, "word"))
                : space.fault(addr, access);
        Answer answer = Answer.ofValue(got.word());
        answer.fields.put("info", Integer.toUnsignedLong(got.info()));
        return answer;
    }

    private Answer untilRefused(Step step) {
        Client client = running.client(step);
        List<AutoCloseable> made = new ArrayList<>();
        try {
            while (made.size() < CREATES_MAX) {
                made.add(step.text("what").equals("create") ? bare(client) : stream(client));
            }
        } catch (VmalabException error) {
            if (made.size() < numbers.of(step, "at_least")) {
                throw new Mismatch("it was refused after %d: %s", made.size(), error);
            }
            throw error;
        } finally {
            made.forEach(Spaces::end);
        }
        throw new Mismatch("it was never refused");
    }

    private static AutoCloseable bare(Client client) {
        return client.newAddressSpace(new SpaceOptions().withoutLease());
    }

    private static AutoCloseable stream(Client client) {
        Batch batch = client.batch();
        try {
            batch.send(new BlockBuilder().nop());
            batch.receive();
            return batch;
        } catch (VmalabException error) {
            batch.close();
            throw error;
        }
    }

    private static void end(AutoCloseable one) {
        try {
            one.close();
        } catch (Exception wrong) {
            throw new IllegalStateException(wrong);
        }
    }

    // --- files ---

    private static boolean isClosed(Client client, long file) {
        try {
            client.files().truncate(file, 0);
            return false;
        } catch (CallException error) {
            return error.errno() == Constants.EBADF;
        }
    }

    private Answer file(Step step) {
        Client client = running.client(step);
        long file = step.has("file") ? numbers.of(step, "file") : 0;
        switch (step.text("do")) {
            case "open_file":
                FileOptions options =
                    new FileOptions(
                            numbers.intOf(step, "dev_major"),
                            numbers.intOf(step, "dev_minor"),
                            numbers.of(step, "ino"))
                        .sizeBytes(numbers.of(step, "size_bytes"))
                        .name(step.text("name"))
                        .ttl(Duration.ofMillis(numbers.of(step, "ttl_ms")));
                if (step.isNot("hold")) {
                    options.withoutLease();
                }
                return Answer.ofValue(client.files().open(options));
            case "close_file":
                client.files().close(file);
                return new Answer();
            case "wait_closed":
                Running.until("the end of the file", () -> isClosed(client, file));
                return new Answer();
            case "share_file":
                client.files().share(file);
                return new Answer();
            case "truncate_file":
                client.files().truncate(file, numbers.of(step, "size_bytes"));
                return new Answer();
            case "allocate_file":
                client
                    .files()
                    .allocate(
                        file,
                        numbers.intOf(step, "mode"),
                        numbers.of(step, "offset"),
                        numbers.of(step, "length"));
                return new Answer();
            case "keep_alive":
                long[] mms = numbers.all(step.list("mms")).stream().mapToLong(one -> one).toArray();
                Answer answer = new Answer();
                Duration ttl = Duration.ofMillis(numbers.of(step, "ttl_ms"));
                answer.values = client.keepAlive(ttl, mms);
                return answer;
            default:
                return null;
        }
    }
}

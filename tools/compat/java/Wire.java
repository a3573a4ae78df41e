import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Kafka's own encoders and decoders as a filter, so that compare/ judges neither broker by a codec of ours. One JSON
 * object per line in, one out:
 *
 * <pre>
 * {"op":"encode","api":3,"version":12,"correlation":7,"body":{...}}   -> {"hex":"..."}     header and body
 * {"op":"decode","api":3,"version":12,"hex":"..."}                    -> {"correlation":7,"body":{...},"rest":0}
 * {"op":"apis"}                                                       -> {"apis":{"Metadata":{"key":3,...},...}}
 * </pre>
 *
 * A body may leave out fields: they get the schema's defaults. A field that no version knows is an error; one that
 * the asked version does not know is left out. {@code rest} counts the bytes behind the body. Anything that goes
 * wrong is answered with {"error":"..."}.
 */
public final class Wire {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    private static final String CLIENT_ID = "compare";

    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer;
            try {
                answer = answer(JSON.readTree(line));
            } catch (Exception e) {
                Throwable cause = e instanceof InvocationTargetException wrapped ? wrapped.getCause() : e;
                answer = JSON.createObjectNode().put("error", cause.toString());
            }
            out.println(JSON.writeValueAsString(answer));
        }
    }

    private static ObjectNode answer(JsonNode ask) throws ReflectiveOperationException {
        return switch (ask.get("op").asText()) {
            case "encode" -> encode(type(ask), version(ask), ask.get("correlation").asInt(), ask.get("body"));
            case "decode" -> decode(type(ask), version(ask), HEX.parseHex(ask.get("hex").asText()));
            case "apis" -> apis();
            default -> throw new IllegalArgumentException("unknown op");
        };
    }

    private static ObjectNode encode(ApiMessageType type, short version, int correlation, JsonNode body)
            throws ReflectiveOperationException {
        Class<?> messageClass = type.newRequest().getClass();
        JsonNode complete = complete(messageClass, body, version);
        var message = (Message) converter(messageClass)
                .getMethod("read", JsonNode.class, short.class)
                .invoke(null, complete, version);
        var header = new RequestHeaderData()
                .setRequestApiKey(type.apiKey())
                .setRequestApiVersion(version)
                .setCorrelationId(correlation)
                .setClientId(CLIENT_ID);
        ByteBuffer head = MessageUtil.toByteBufferAccessor(header, type.requestHeaderVersion(version)).buffer();
        ByteBuffer rest = MessageUtil.toByteBufferAccessor(message, version).buffer();
        ByteBuffer whole = ByteBuffer.allocate(head.remaining() + rest.remaining()).put(head).put(rest);
        return JSON.createObjectNode().put("hex", HEX.formatHex(whole.array()));
    }

    private static ObjectNode decode(ApiMessageType type, short version, byte[] bytes)
            throws ReflectiveOperationException {
        var readable = new ByteBufferAccessor(ByteBuffer.wrap(bytes));
        var header = new ResponseHeaderData();
        header.read(readable, type.responseHeaderVersion(version));
        ApiMessage message = type.newResponse();
        message.read(readable, version);
        var body = (ObjectNode) converter(message.getClass())
                .getMethod("write", message.getClass(), short.class, boolean.class)
                .invoke(null, message, version, true);
        if (message instanceof FetchResponseData fetched) {
            addRecords(fetched, body);
        }
        ObjectNode answer = JSON.createObjectNode().put("correlation", header.correlationId());
        answer.set("body", body);
        return answer.put("rest", readable.remaining());
    }

    /** Kafka's converters leave the records out: here they are in base64. */
    private static void addRecords(FetchResponseData fetched, ObjectNode body) {
        for (int t = 0; t < fetched.responses().size(); t++) {
            var partitions = fetched.responses().get(t).partitions();
            for (int p = 0; p < partitions.size(); p++) {
                if (partitions.get(p).records() instanceof MemoryRecords records) {
                    ByteBuffer buffer = records.buffer();
                    byte[] copy = new byte[buffer.remaining()];
                    buffer.get(copy);
                    ((ObjectNode) body.at("/responses/" + t + "/partitions/" + p))
                            .put("records", Base64.getEncoder().encodeToString(copy));
                }
            }
        }
    }

    private static ObjectNode apis() {
        ObjectNode apis = JSON.createObjectNode();
        for (ApiMessageType type : ApiMessageType.values()) {
            apis.putObject(type.name)
                    .put("key", type.apiKey())
                    .put("oldest", type.lowestSupportedVersion())
                    .put("newest", type.highestSupportedVersion(false))
                    .put("firstFlexible", firstFlexible(type));
        }
        ObjectNode answer = JSON.createObjectNode();
        answer.set("apis", apis);
        return answer;
    }

    /** The first version whose request header ends in tagged fields; one that never comes if there is none. */
    private static short firstFlexible(ApiMessageType type) {
        for (short version = type.lowestSupportedVersion(); version <= type.highestSupportedVersion(true); version++) {
            if (type.requestHeaderVersion(version) >= 2) {
                return version;
            }
        }
        return Short.MAX_VALUE;
    }

    /** The JSON of a message with all defaults, overlaid with what was given; the same for every structure in it. */
    private static JsonNode complete(Class<?> type, JsonNode given, short version)
            throws ReflectiveOperationException {
        var fresh = type.getDeclaredConstructor().newInstance();
        var node = (ObjectNode) converter(type).getMethod("write", type, short.class).invoke(null, fresh, version);
        for (var entry : given.properties()) {
            Field field = type.getDeclaredField(entry.getKey()); // a misspelt name ends here
            node.set(entry.getKey(), completeValue(field, entry.getValue(), version));
        }
        return node;
    }

    private static JsonNode completeValue(Field field, JsonNode value, short version)
            throws ReflectiveOperationException {
        if (value.isObject()) {
            return complete(field.getType(), value, version);
        }
        if (value.isArray() && elementType(field) instanceof Class<?> element
                && Message.class.isAssignableFrom(element)) {
            ArrayNode array = JSON.createArrayNode();
            for (JsonNode item : value) {
                array.add(complete(element, item, version));
            }
            return array;
        }
        return value;
    }

    /** X of a {@code List<X>}, or of a generated {@code XCollection extends ImplicitLinkedHashMultiCollection<X>}. */
    private static Type elementType(Field field) {
        Type type = field.getGenericType();
        if (type instanceof Class<?> collection) {
            type = collection.getGenericSuperclass();
        }
        return type instanceof ParameterizedType list ? list.getActualTypeArguments()[0] : null;
    }

    /** FooRequestData has FooRequestDataJsonConverter, its Bar has FooRequestDataJsonConverter.BarJsonConverter. */
    private static Class<?> converter(Class<?> type) throws ClassNotFoundException {
        String name = type.getName().replaceFirst("Data(\\$|$)", "DataJsonConverter$1");
        return Class.forName(name.contains("$") ? name + "JsonConverter" : name);
    }

    private static ApiMessageType type(JsonNode ask) {
        return ApiMessageType.fromApiKey((short) ask.get("api").asInt());
    }

    private static short version(JsonNode ask) {
        return (short) ask.get("version").asInt();
    }
}

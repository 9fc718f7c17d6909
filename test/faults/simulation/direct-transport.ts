import { create, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createHandlerContext,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type Transport,
} from "@connectrpc/connect";
import { invokeUnaryImplementation, transformInvokeImplementation } from "@connectrpc/connect/protocol";
import { methodSpecs } from "../../../src/server/http/grpc/method-specs.ts";

/** What the signal of a call tells when the call is over. Made once, because making an error takes time. */
const over = new Error("the call is over");

/**
 * Takes calls through the interceptors to what answers them, as a server does. Messages are not written as bytes on the way, as a router's
 * own transport does, which took more time than all that is to be simulated.
 */
export function createDirectTransport(
  routes: (router: ConnectRouter) => void,
  interceptors: Interceptor[],
): Transport {
  const specs = new Map<DescMethod, MethodImplSpec>(methodSpecs(routes).map((spec) => [spec.method, spec]));
  return {
    async unary(method, signal, _timeout, _header, input) {
      const { spec, context } = open(method, signal);
      if (spec.kind !== "unary") throw new Error(`${method.name} is a stream`);
      try {
        const request = create(method.input, input);
        const message = await invokeUnaryImplementation(spec, context, request, interceptors);
        return { stream: false, method, ...outside(context), message };
      } finally {
        context.abort(over);
      }
    },

    async stream(method, signal, _timeout, _header, input) {
      const { spec, context } = open(method, signal);
      const invoke = transformInvokeImplementation(spec, context, interceptors);
      return { stream: true, method, ...outside(context), message: answers() };

      async function* answers() {
        try {
          yield* invoke(requests());
        } finally {
          context.abort(over);
        }
      }

      async function* requests() {
        for await (const request of input) yield create(method.input, request);
      }
    },
  };

  function open<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    signal: AbortSignal | undefined,
  ) {
    const spec = specs.get(method);
    if (spec === undefined) throw new Error(`nothing answers ${method.name}`);
    const context = createHandlerContext({
      ...{
        service: method.parent,
        method,
        protocolName: "connect",
        requestMethod: "POST",
        url: "https://in-memory/",
      },
      // To whom speaks binary, entries are given as bytes.
      requestHeader: { "content-type": "application/json" },
      ...(signal && { requestSignal: signal }),
    });
    // It was found by its method.
    return { spec: spec as MethodImplSpec<I, O>, context };
  }
}

/** What an answer has besides its messages. */
function outside({ service, responseHeader, responseTrailer }: HandlerContext) {
  return { service, header: responseHeader, trailer: responseTrailer };
}

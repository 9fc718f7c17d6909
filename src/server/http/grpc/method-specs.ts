import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImplSpec,
} from "@connectrpc/connect";

/** Gives every method that `routes` registers, with what answers it: what a router of connect would make its own handlers of. */
export function methodSpecs(routes: (router: ConnectRouter) => void): MethodImplSpec[] {
  const specs: MethodImplSpec[] = [];
  const router: ConnectRouter = {
    handlers: [],
    service(service, implementation) {
      specs.push(...Object.values(createServiceImplSpec(service, implementation).methods));
      return router;
    },
    rpc(method, implementation) {
      specs.push(createMethodImplSpec(method, implementation));
      return router;
    },
  };
  routes(router);
  return specs;
}

/** The path of a method: `/pigeonhole.v1.TaskService/SendEvent`. */
export function pathOf({ method }: MethodImplSpec): string {
  return `/${method.parent.typeName}/${method.name}`;
}

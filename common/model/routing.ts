/** What registrars publish on `router.register` and `router.unregister`: JSON, keys as gorouter's. */
export interface RouteRegistration {
  host: string;
  port?: number;
  tls_port?: number;
  uris: string[];
  app?: string;
  tags?: Record<string, string>;
  private_instance_id?: string;
  /** the index as a string */
  private_instance_index?: string;
  server_cert_domain_san?: string;
  stale_threshold_in_seconds?: number;
  isolation_segment?: string;
  protocol?: string;
  route_service_url?: string;
  availability_zone?: string;
  endpoint_updated_at_ns?: number;
  options?: { loadbalancing?: string; hash_header?: string; hash_balance?: number };
}

/** `router.start` and the answer to `router.greet`. */
export interface RouterStart {
  id: string;
  hosts: string[];
  minimumRegisterIntervalInSeconds: number;
  pruneThresholdInSeconds: number;
}

/** What our routers answer to an unregistration that was sent as a request (design §8.8). */
export interface UnregisterAck {
  /** the router's id, as in its start message */
  id: string;
}

/** One entry of the `cf-router` key in a desired LRP's routes. */
export interface CfRoute {
  hostnames: string[];
  port: number;
  route_service_url?: string;
  isolation_segment?: string;
  protocol?: string;
  options?: { loadbalancing?: string };
}

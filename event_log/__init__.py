"""The durable log between a request and the stores: group commit, segments, shipper and sinks."""

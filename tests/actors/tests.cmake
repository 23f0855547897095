holdfast_test(actor_tests LIBS holdfast_actors LABELS actors SOURCES
  actors/admin_test.cpp
  actors/catalogue_view_test.cpp
  actors/cache_test.cpp
  actors/circuit_test.cpp
  actors/registry_text_test.cpp
  actors/cluster_routes_test.cpp
  actors/cluster_text_test.cpp
  actors/cluster_view_test.cpp
  actors/commit_gate_test.cpp
  actors/durable_streams_test.cpp
  actors/event_streams_test.cpp
  actors/keyed_outcomes_test.cpp
  actors/late_copies_test.cpp
  actors/log_test.cpp
  actors/metrics_test.cpp
  actors/node_test.cpp
  actors/secret_shapes_test.cpp
  actors/session_text_test.cpp
  actors/shard_test.cpp
  actors/values_test.cpp
)
target_compile_definitions(actor_tests PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

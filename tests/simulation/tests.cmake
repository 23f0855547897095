# The code of a node over a simulated network, store, upstream and clock (see tests/simulation/world.hpp): compiled once
# more, with few slots, and linked with other definitions of what transport/ and persistence/ do with the world.
set(simulated_sources
  actors/admin/json.cpp
  actors/call_places.cpp
  actors/catalogue_view.cpp
  actors/client_capabilities.cpp
  actors/circuit.cpp
  actors/circuit_keeper.cpp
  actors/circuit_text.cpp
  actors/cluster.cpp
  actors/cluster_routes.cpp
  actors/cluster_text.cpp
  actors/cluster_view.cpp
  actors/commit_gate.cpp
  actors/directory.cpp
  actors/ended_calls.cpp
  actors/event_records.cpp
  actors/event_streams.cpp
  actors/health.cpp
  actors/ingress.cpp
  actors/keyed_outcomes.cpp
  actors/machines/stepwise.cpp
  actors/node_store.cpp
  actors/peer_admission.cpp
  actors/peer_ask.cpp
  actors/principal.cpp
  actors/registry.cpp
  actors/registry_text.cpp
  actors/shared_records.cpp
  actors/relay.cpp
  actors/remote_exchange.cpp
  actors/request_age.cpp
  actors/roster.cpp
  actors/secret_shapes.cpp
  actors/session.cpp
  actors/session_admission.cpp
  actors/session_cache.cpp
  actors/cache_keys.cpp
  actors/result_cache.cpp
  actors/session_answers.cpp
  actors/session_asks.cpp
  actors/session_calls.cpp
  actors/session_commits.cpp
  actors/session_copies.cpp
  actors/session_durable.cpp
  actors/session_gap.cpp
  actors/session_finding.cpp
  actors/session_inspection.cpp
  actors/session_keys.cpp
  actors/session_operations.cpp
  actors/session_steps.cpp
  actors/session_leaving.cpp
  actors/session_links.cpp
  actors/session_outcomes.cpp
  actors/session_recovery.cpp
  actors/session_requests.cpp
  actors/session_routes.cpp
  actors/session_spans.cpp
  actors/session_steering.cpp
  actors/session_text.cpp
  actors/session_tool_state.cpp
  actors/session_trace.cpp
  actors/session_upstreams.cpp
  actors/shard.cpp
  actors/shard_actor.cpp
  actors/shard_scheduler.cpp
  actors/slot_keeper.cpp
  actors/sse_post.cpp
  actors/tracing/traced_exchange.cpp
  actors/uri_rewrite.cpp
  actors/witnesses.cpp
  persistence/memory_contents.cpp
  persistence/store_values.cpp
)
list(TRANSFORM simulated_sources PREPEND "${CMAKE_SOURCE_DIR}/")
add_library(simulated_node STATIC ${simulated_sources})
target_compile_definitions(simulated_node PUBLIC HOLDFAST_SIMULATED_SLOTS=16)
if(NOT HOLDFAST_TEST_HOOKS)
  target_compile_definitions(simulated_node PUBLIC HOLDFAST_TEST_HOOKS)
endif()
# Twenty thousand schedules take their time: sanitizers look at this code elsewhere.
target_compile_options(simulated_node PUBLIC -O2 -fno-sanitize=all)
set_target_properties(simulated_node PROPERTIES UNITY_BUILD ${HOLDFAST_UNITY} UNITY_BUILD_BATCH_SIZE 5)
target_link_libraries(simulated_node PUBLIC holdfast_options holdfast_machines holdfast_mcp CAF::core)

# 20,000 schedules, in two parts for two processors.
add_executable(simulation_tests support/main.cpp
  simulation/client.cpp
  simulation/network.cpp
  simulation/process.cpp
  simulation/scene.cpp
  simulation/schedule.cpp
  simulation/simulation_test.cpp
  simulation/stored.cpp
  simulation/tools.cpp
  simulation/virtual_time.cpp
  simulation/world.cpp
)
target_link_libraries(simulation_tests PRIVATE simulated_node holdfast_persistence OpenSSL::Crypto)
# Processes that are killed free nothing. Most of the time goes into small allocations, which ASan need not trace back.
set(simulation_asan "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64")
foreach(part IN ITEMS 1 2)
  add_test(NAME simulation_tests_${part} COMMAND simulation_tests --duration=false)
  math(EXPR first "(${part} - 1) * 10000 + 1")
  set_tests_properties(simulation_tests_${part} PROPERTIES LABELS unit TIMEOUT 1200 ENVIRONMENT
    "HOLDFAST_SIMULATION_FIRST=${first};HOLDFAST_SIMULATION_SCHEDULES=10000;ASAN_OPTIONS=${simulation_asan}")
endforeach()

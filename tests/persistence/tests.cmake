# The contract of every store, for the tests of each to call.
add_library(store_contract STATIC EXCLUDE_FROM_ALL persistence/store_contract.cpp persistence/store_contract_lanes.cpp
            persistence/store_contract_lives.cpp persistence/store_contract_slots.cpp persistence/store_contract_view.cpp)
target_link_libraries(store_contract PUBLIC holdfast_persistence Threads::Threads)

holdfast_test(store_tests LIBS store_contract SOURCES persistence/memory_contents_test.cpp
              persistence/memory_store_test.cpp persistence/open_store_test.cpp
              persistence/shadow_store_test.cpp)
holdfast_test(sqlite_tests LIBS store_contract SOURCES persistence/sqlite_store_test.cpp
              persistence/sqlite_trouble_test.cpp persistence/sqlite_writer_test.cpp)
holdfast_test(encoding_tests LIBS holdfast_persistence SOURCES persistence/cipher_keys_test.cpp
              persistence/encoding_test.cpp persistence/msgpack_test.cpp persistence/zstd_frame_test.cpp)
target_compile_definitions(encoding_tests PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
holdfast_test(redis_tests LIBS store_contract OpenSSL::SSL ${HIREDIS_LIBRARY} LABELS redis
              SOURCES persistence/redis_protocol_test.cpp persistence/redis_store_test.cpp
              persistence/redis_trouble_test.cpp)
target_compile_definitions(redis_tests PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
holdfast_test(redis_topology_tests LIBS store_contract ${HIREDIS_LIBRARY} LABELS redis
              SOURCES persistence/redis_cluster_test.cpp persistence/redis_sentinels_test.cpp)

holdfast_test(sqlite_tests LIBS holdfast_persistence Threads::Threads SOURCES persistence/sqlite_store_test.cpp
              persistence/sqlite_trouble_test.cpp persistence/sqlite_writer_test.cpp)
holdfast_test(encoding_tests LIBS holdfast_persistence SOURCES persistence/cipher_keys_test.cpp
              persistence/encoding_test.cpp persistence/msgpack_test.cpp)
target_compile_definitions(encoding_tests PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

# fuzz_<name>: a libFuzzer executable with the seeds of fuzz/corpus/<name>. The target fuzz_targets builds all of them.
# Further sources are the pure files under test whose library is heavy to build; the rest comes from holdfast_mcp.
set(fuzz_targets "")
target_compile_options(holdfast_mcp PRIVATE -fsanitize=fuzzer-no-link)

function(holdfast_fuzz name)
  add_executable(fuzz_${name} fuzz/${name}_fuzz.cpp ${ARGN})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE holdfast_mcp)
  set(fuzz_targets ${fuzz_targets} fuzz_${name} PARENT_SCOPE)
endfunction()

holdfast_fuzz(classify)
holdfast_fuzz(convert)
holdfast_fuzz(encoding fuzz/other_parser.cpp ${CMAKE_SOURCE_DIR}/persistence/at_rest_cipher.cpp
              ${CMAKE_SOURCE_DIR}/persistence/cipher_keys.cpp ${CMAKE_SOURCE_DIR}/persistence/encoding.cpp
              ${CMAKE_SOURCE_DIR}/persistence/json_tokens.cpp ${CMAKE_SOURCE_DIR}/persistence/msgpack_read.cpp
              ${CMAKE_SOURCE_DIR}/persistence/msgpack_write.cpp ${CMAKE_SOURCE_DIR}/persistence/zstd_frame.cpp)
target_link_libraries(fuzz_encoding PRIVATE OpenSSL::Crypto ${ZSTD_LIBRARY})
holdfast_fuzz(envelope fuzz/other_parser.cpp)
holdfast_fuzz(sse_parser ${CMAKE_SOURCE_DIR}/transport/sse_parser.cpp)
holdfast_fuzz(stdio_framing ${CMAKE_SOURCE_DIR}/transport/stdio_framing.cpp)

# RapidJSON 1.1 adds to null pointers.
set_source_files_properties(fuzz/other_parser.cpp PROPERTIES COMPILE_OPTIONS -fno-sanitize=undefined)

add_custom_target(fuzz_targets DEPENDS ${fuzz_targets})

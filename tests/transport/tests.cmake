holdfast_test(loop_tests LIBS holdfast_transport SOURCES transport/loop_test.cpp transport/timer_wheel_test.cpp)
holdfast_test(http_server_tests LIBS holdfast_transport SOURCES transport/http_request_reader_test.cpp
              transport/http_server_test.cpp transport/http_server_stream_test.cpp
              transport/tls_identity_test.cpp transport/tls_server_test.cpp)
# The same over TLS.
add_test(NAME http_server_tests_tls COMMAND http_server_tests --duration=false --test-case-exclude=TLS*)
set_tests_properties(http_server_tests_tls PROPERTIES ENVIRONMENT HOLDFAST_TEST_TLS=1 TIMEOUT 300)
holdfast_test(upstream_tests LIBS holdfast_transport SOURCES transport/http_client_test.cpp
              transport/upstream_http_test.cpp transport/upstream_sse_test.cpp
              transport/upstream_programs_test.cpp transport/upstream_stdio_test.cpp transport/stdio_process_test.cpp transport/url_test.cpp)

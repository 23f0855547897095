holdfast_test(loop_tests LIBS holdfast_transport SOURCES transport/loop_test.cpp transport/timer_wheel_test.cpp)
holdfast_test(http_server_tests LIBS holdfast_transport SOURCES transport/http_request_reader_test.cpp
              transport/http_server_test.cpp transport/http_server_stream_test.cpp)

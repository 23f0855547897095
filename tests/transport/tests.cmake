holdfast_test(loop_tests LIBS holdfast_transport SOURCES transport/loop_test.cpp transport/timer_wheel_test.cpp)

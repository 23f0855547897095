find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME tools_tests COMMAND Python3::Interpreter -B "${CMAKE_CURRENT_LIST_DIR}/checks_test.py")

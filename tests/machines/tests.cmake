holdfast_test(machine_tests LIBS holdfast_machines holdfast_persistence LABELS unit SOURCES
  machines/breaker_test.cpp
  machines/detector_test.cpp
  machines/execution_test.cpp
  machines/membership_test.cpp
  machines/reconnect_test.cpp
  machines/relisting_test.cpp
  machines/session_test.cpp
  machines/stepwise_test.cpp
  persistence/replay_log_test.cpp
)

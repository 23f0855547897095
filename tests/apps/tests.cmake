holdfast_test(config_tests
  SOURCES apps/config/client_file_test.cpp apps/config/cluster_test.cpp apps/config/config_test.cpp apps/config/mistakes_test.cpp
          apps/config/plain_json_test.cpp apps/config/program_keys_test.cpp apps/config/store_test.cpp
          apps/config/traces_test.cpp apps/config/units_test.cpp apps/config/users_test.cpp
  LIBS holdfast_config
  LABELS apps)
target_compile_definitions(config_tests PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

holdfast_test(histogram_tests
  SOURCES apps/histogram_test.cpp "${CMAKE_SOURCE_DIR}/apps/commands/histogram.cpp"
  LIBS holdfast_options
  LABELS apps)

holdfast_test(commands_tests
  SOURCES apps/commands/admin_client_test.cpp apps/commands/check_store_test.cpp apps/commands/cluster_cuts_test.cpp
          apps/commands/cluster_folder_test.cpp apps/commands/cluster_plan_test.cpp
          apps/commands/cluster_processes_test.cpp apps/commands/cluster_status_test.cpp
          apps/commands/demo_figures_test.cpp apps/commands/demo_timeline_test.cpp apps/commands/demo_upstream_test.cpp
          apps/commands/findings_test.cpp apps/commands/mcp_client_test.cpp apps/commands/ports_test.cpp
          apps/commands/relay_network_test.cpp
          apps/commands/terminal_test.cpp
  LIBS holdfast_commands
  LABELS apps)
add_dependencies(commands_tests holdfast-guard)

holdfast_test(shell_tests
  SOURCES apps/shell/completion_test.cpp apps/shell/histogram_view_test.cpp apps/shell/operator_client_test.cpp
          apps/shell/past_test.cpp apps/shell/quantities_test.cpp apps/shell/ranking_test.cpp apps/shell/words_test.cpp
  LIBS holdfast_commands CLI11::CLI11
  LABELS apps)

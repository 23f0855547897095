holdfast_test(mcp_tests LIBS holdfast_transport holdfast_mcp SOURCES
  mcp/envelope_test.cpp
  mcp/json_text_test.cpp
  mcp/messages_test.cpp
  transport/sse_parser_test.cpp
)

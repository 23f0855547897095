holdfast_test(mcp_tests LIBS holdfast_transport holdfast_mcp SOURCES
  mcp/access_test.cpp
  mcp/canonical_test.cpp
  mcp/classify_test.cpp
  mcp/convert_test.cpp
  mcp/envelope_test.cpp
  mcp/input_schema_test.cpp
  mcp/json_text_test.cpp
  mcp/messages_test.cpp
  mcp/names_test.cpp
  mcp/revision_test.cpp
  mcp/sealed_test.cpp
  mcp/trace_context_test.cpp
  mcp/uri_template_test.cpp
  mcp/users_test.cpp
  transport/sse_parser_test.cpp
)

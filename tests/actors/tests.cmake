holdfast_test(actor_tests LIBS holdfast_actors LABELS actors SOURCES
  actors/catalogue_view_test.cpp
  actors/event_streams_test.cpp
  actors/node_test.cpp
  actors/shard_test.cpp
  actors/values_test.cpp
)

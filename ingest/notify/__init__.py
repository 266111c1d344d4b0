"""Who is told of an Incident, when, how and in which words; and the delivery of it."""

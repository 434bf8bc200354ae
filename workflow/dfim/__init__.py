"""Deep Feature Interaction Maps of DNA sequence models.

Mutate one feature of a sequence and see how the importance of every other
feature, as a trained network sees it, changes: that change is the Feature
Interaction Score (Greenside, Shimko, Fordyce and Kundaje, Bioinformatics 2018).

Modules are named with the field's words and hold what their name says; nothing
is imported here, so that reading a table or drawing a logo never loads TensorFlow.
"""
